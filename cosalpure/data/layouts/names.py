"""What the name of a file or folder says: an image, a ground truth, a document, or nothing that is known."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

IMAGE_FOLDERS = frozenset("image images img imgs jpegimages rgb photo photos picture pictures input inputs".split())
TRUTH_FOLDERS = frozenset(
    (
        "groundtruth groundtruths gt gts binary mask masks annotation annotations label labels seg segs segmentation "
        "segmentations segmentationclass segmentationobject segmentationmask segmentationmasks silhouettes mattes truth"
    ).split()
)
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
AFFIX = re.compile(  # what is added to an image's name for its mask
    r"(?i)(^(mask|gt|label|seg)[ _.-]+|[ _.-]+(masks?|gts?|ground[ _-]?truth|labels?|seg|segmentation|matte|alpha)$)"
)
LITTER = (
    *"thumbs.db ehthumbs.db ehthumbs_vista.db desktop.ini icon\r __macosx @eadir #recycle $recycle.bin".split(" "),
    *("system volume information", "lost+found", "picasa.ini"),
)
TEXTS = tuple(
    ".txt .md .rst .html .htm .pdf .csv .tsv .log .url .yaml .yml .ini .cfg .bib .sha256 .md5 .py .sh .m .doc .docx".split()
)
TEXT_NAMES = frozenset(
    "readme license licence copying notice citation authors changelog makefile sha256sums md5sums".split()
)
SIDECARS = (".json", ".xml", ".xmp")  # about a photo; in a folder of ground truth they may be it
LISTED = 5  # names in a message


def is_image(path: Path) -> bool:
    """Say whether a file of this name is an image that is read."""
    return path.suffix.lower() in SUFFIXES


def is_hidden(name: str) -> bool:
    """Say whether a name is hidden, or is what operating systems leave."""
    return name.startswith(".") or name.lower() in LITTER


def is_strange(name: str) -> bool:
    """Say whether a file of this name is neither an image that is read nor litter nor a document."""
    stem, suffix = os.path.splitext(name.lower())
    if name.startswith("._") or name.lower() in LITTER:
        return False
    if name.startswith("."):  # a hidden photo has a suffix behind its name
        return suffix in SUFFIXES
    return suffix not in SUFFIXES + TEXTS and not (stem in TEXT_NAMES and not suffix)


def is_of_images(folder: Path) -> bool:
    """Say whether a folder's name is one for images."""
    return plain_name(folder) in IMAGE_FOLDERS


def is_of_truths(folder: Path) -> bool:
    """Say whether a folder's name is one for ground truth."""
    return plain_name(folder) in TRUTH_FOLDERS


def plain_name(path: Path) -> str:
    """Reduce a name to its lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", path.name.lower())


def base_name(path: Path) -> str:
    """Reduce a file's name for comparison with others: without extension and without words for masks."""
    return comparable(AFFIX.sub("", path.stem)) or comparable(path.stem)


def comparable(name: str) -> str:
    """Fold a name: copies of an archive differ in the case of letters and in how accents are stored."""
    return unicodedata.normalize("NFC", name).casefold()


def shown(name: str) -> str:
    """Write a file's name as text that can be printed and stored, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def listed(paths: Sequence[Path]) -> str:
    """Write the first few names, for a message."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(shown(path.name) for path in paths[:LISTED]) + more
