"""Where the images of a dataset lie: any published layout, or a plain folder of photos, as groups of pairs.

    Image/<group>/*.jpg beside GroundTruth/<group>/*.png        or GT; image and binary; img and gt; images and gts; ...
    <Set>/Image/<group>/..., images/<Set>/<group>/...           one wrapping folder, or several sets in one place
    <group>/*.jpg                                               no ground truth
    *.jpg                                                       one group

Only names are looked at here, so counting groups is quick. Formats and upper case may be mixed. A ground truth has its
image's name, with another extension or none of its own (`a.png` or `a.jpg.png` for `a.jpg`), or a word for masks added to
it (`a_mask.png`). Whatever else lies there is a problem by name, save for what operating systems leave and documents.
"""

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cosalpure.data import MANIFEST, slugify
from cosalpure.data.problems import NO_TRUTH, Problem, counted
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import Dataset
from cosalpure.errors import UserError

IMAGE_FOLDERS = (
    "image",
    "images",
    "img",
    "imgs",
    "jpegimages",
    "rgb",
    "photo",
    "photos",
    "picture",
    "pictures",
    "input",
)
IMAGE_FOLDERS += ("inputs",)
TRUTH_FOLDERS = ("groundtruth", "groundtruths", "gt", "gts", "binary", "mask", "masks", "annotation", "annotations")
TRUTH_FOLDERS += ("label", "labels", "seg", "segs", "segmentation", "segmentations", "segmentationclass")
TRUTH_FOLDERS += ("segmentationobject", "segmentationmask", "segmentationmasks", "silhouettes", "mattes", "truth")
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
AFFIX = re.compile(  # what is added to an image's name for its mask
    r"(?i)(^(mask|gt|label|seg)[ _.-]+|[ _.-]+(masks?|gts?|ground[ _-]?truth|labels?|seg|segmentation|matte|alpha)$)"
)
LITTER = ("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle")
LITTER += ("$recycle.bin", "system volume information", "lost+found", "picasa.ini")
CACHES = (".ipynb_checkpoints", ".cache", ".thumbnails", ".git", ".svn", ".appledouble", ".trash", ".trashes", ".venv")
TEXTS = (".txt", ".md", ".rst", ".html", ".htm", ".pdf", ".csv", ".tsv", ".log", ".url", ".yaml", ".yml", ".ini")
TEXTS += (".cfg", ".bib", ".sha256", ".md5", ".py", ".sh", ".m", ".doc", ".docx")
TEXT_NAMES = ("readme", "license", "licence", "copying", "notice", "citation", "authors", "changelog", "makefile")
TEXT_NAMES += ("sha256sums", "md5sums")
SIDECARS = (".json", ".xml", ".xmp")  # about a photo; in a folder of ground truth they may be it
ANNOTATIONS = re.compile(r"(?i)annot|instance|coco|label|mask|segm|truth|(^|[^a-z])gt([^a-z]|$)")
APART = "Masks belong into a folder masks/ beside images/"
DEPTH = 2  # folders around the pair of folders: one of the archive, one of the set
LISTED = 5  # names in a message


@dataclass(frozen=True)
class Photo:
    """An image's file and its ground truth's, or None where there is none."""

    image: Path
    truth: Path | None


@dataclass(frozen=True)
class Found:
    """A group as found: its label, and its photos in the order of their names."""

    label: str
    photos: tuple[Photo, ...]


def find_groups(root, source="folder"):
    """A folder in any layout -> ([Found, ...] in the order of their labels, [Problem, ...], is there ground truth?).

    `source` names the set wanted where a folder holds several.
    """
    images, truths = locate(Path(root), source)
    groups = group_folders(images)
    taken = {folder for _, folder in groups}
    loose = images in taken  # one group, named like the folder around images and ground truth
    problems = [] if loose else _strange(images, "", {*taken, images})
    if source == "folder" and truths:
        problems += _beside(images.parent, images, truths)
    if not truths:
        problems += _annotations(Path(root), images)
    truth_folders = {} if loose or not truths else match([folder for _, folder in groups], subfolders(truths))
    found = []
    for name, folder in groups:
        name = shown(folder.parent.resolve().name) if loose and truths else name
        truth = truths if loose else truth_folders.get(folder)
        photos, its_problems = _pair(name, folder, truth, truths is not None)
        problems += its_problems
        if photos:
            found.append(Found(name, tuple(photos)))
    if truths and not loose:
        problems += _masks_alone(truths, set(truth_folders.values()))
    return found, problems, truths is not None


def count_groups(name: str, settings: Dataset) -> int:
    """How many groups a dataset will have, before it is made: what the workflow plans its jobs by."""
    if settings.groups:
        return settings.groups
    if settings.source in PUBLISHED:
        return PUBLISHED[settings.source].groups
    if Path(settings.path).is_dir():
        return len(find_groups(settings.path, settings.source)[0])
    what = "is an archive" if Path(settings.path).is_file() else "is not there (yet)"
    raise UserError(f"datasets.{name}: {settings.path} {what}; say how many groups it has, for example groups: 20")


def has_truth(settings: Dataset) -> bool:
    """Whether a dataset will have ground truth, before it is made; an archive that does not say is taken to have it."""
    wanted = getattr(settings, "ground_truth", True)
    if wanted is None:
        return not Path(settings.path).is_dir() or find_groups(settings.path, settings.source)[2]
    return wanted


def fingerprint(path: str | Path) -> str:
    """Text that changes when a file of the folder comes, goes or changes its size; empty if there is no folder."""
    if not Path(path).is_dir():
        return ""
    lines = sorted(f"{os.fsencode(file)!r} {file.stat().st_size}" for file in Path(path).rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def locate(root, source):
    """The folder of the group folders, and that of their ground truth, or None."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    level = [root]
    for _ in range(DEPTH + 1):
        pairs = [pair for folder in level if (pair := _pair_of_folders(folder))]
        if pairs:
            images, truths = _wanted({pair[0].parent: pair for pair in pairs}, root, source)
            if source == "folder" and len(pairs) == 1:
                _refuse_others(root, images.parent)
            return _inner_set(images, truths, source)
        level = [inner for folder in level for inner in subfolders(folder)]
    return _plain(root), None


def group_folders(folder):
    """[(label, folder), ...] of the groups in a folder, in the order of their names; loose images are one group."""
    inner = [sub for sub in subfolders(folder) if image_files(sub) or strange_files(sub)]
    loose, images = image_files(folder), [sub for sub in inner if image_files(sub)]
    if loose and inner:
        raise UserError(
            f"{folder}: both images ({loose[0].name}, ...) and folders of images ({inner[0].name}, ...); "
            "expected one folder a group, or images of one group"
        )
    if not loose and not inner:
        strange = strange_files(folder)
        there = f" (files that are not read: {_some(strange)})" if strange else ""
        deeper = [sub for sub in subfolders(folder) if has_images(sub)]
        there = f" (they lie in folders inside {_some(deeper)})" if deeper else there
        raise UserError(f"{folder}: no images{there}; expected one folder a group, with {', '.join(SUFFIXES)} files")
    its = images or inner
    return [(shown(sub.resolve().name), sub) for sub in its or [folder]]


def subfolders(folder):
    """The folders in a folder, in the order of their names, without hidden ones, litter and datasets already made."""
    inner = (item for item in folder.iterdir() if item.is_dir() and not _hidden(item.name))
    return sorted((item for item in inner if not (item / MANIFEST).exists()), key=_by_text)


def image_files(folder):
    """The image files in a folder, in the order of their names without extension: formats do not change the order."""
    files = (item for item in folder.iterdir() if item.suffix.lower() in SUFFIXES and not _hidden(item.name))
    return sorted(
        (item for item in files if item.is_file() or _dangling(item)), key=lambda item: (item.stem, item.suffix)
    )


def strange_files(folder, sidecars=False):
    """The files in a folder that are neither images nor litter nor documents, in the order of their names.

    Files that describe a photo (`SIDECARS`) count with `sidecars` only.
    """
    files = (item for item in folder.iterdir() if item.is_file() and is_strange(item.name))
    return sorted((item for item in files if sidecars or item.suffix.lower() not in SIDECARS), key=_by_text)


def is_strange(name):
    """Whether a file of this name is neither an image that is read nor litter nor a document."""
    stem, suffix = os.path.splitext(name.lower())
    if name.startswith("._") or name.lower() in LITTER:
        return False
    if name.startswith("."):  # a hidden photo has a suffix behind its name
        return suffix in SUFFIXES
    return suffix not in SUFFIXES + TEXTS and not (stem in TEXT_NAMES and not suffix)


def count_below(folder):
    """The number of image files in a folder and in all folders inside it; links to folders are not followed."""
    return len(image_files(folder)) + sum(count_below(sub) for sub in subfolders(folder) if not sub.is_symlink())


def has_images(folder):
    """Whether there is an image file in a folder or in any folder inside it; links to folders are not followed."""
    inner = (sub for sub in subfolders(folder) if not sub.is_symlink())
    return bool(image_files(folder)) or any(map(has_images, inner))


def match(files, others):
    """{file or folder: the other one of its name}: of the very name first, then of one that differs by case or accents.

    `a.png` and `a.jpg.png` are of the name of `a.jpg`, and `a_mask.png` is if no other one is. None is given twice, except
    that images of one stem share a ground truth.
    """
    found, used = {}, set()
    for names in (_exact_names, _like_names, _masks_names):
        index = {}
        for other in others:
            if other not in used:
                index.setdefault(names(other)[-1], []).append(other)
        new = {}
        for file in files:
            for name in () if file in found else names(file):
                if len(fitting := index.get(name, ())) >= 1 and (names is not _masks_names or len(fitting) == 1):
                    new[file] = fitting[0]
                    break
        found |= new
        used |= set(new.values())
    return found


def base_name(path):
    """A file's name for comparison with others, without extension and without words for masks."""
    return _key(AFFIX.sub("", path.stem)) or _key(path.stem)


def shown(name):
    """A file's name as text that can be printed and stored, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def unique_slugs(labels):
    """A slug each for different labels. Labels that come to the same slug all get a hash behind it."""
    slugs = [slugify(label) for label in labels]
    return [
        f"{slug}-{hashlib.sha256(label.encode()).hexdigest()[:8]}" if slugs.count(slug) > 1 else slug
        for slug, label in zip(slugs, labels, strict=True)
    ]


def _pair_of_folders(folder):
    """The folders of images and of ground truth that stand side by side in a folder, or None."""
    inner = subfolders(folder)
    images = [sub for sub in inner if _plain_name(sub.name) in IMAGE_FOLDERS]
    truths = [sub for sub in inner if _plain_name(sub.name) in TRUTH_FOLDERS]
    if len(truths) > 1:  # VOC keeps boxes, as XML files, in a folder of such a name
        truths = [sub for sub in truths if has_images(sub)] or truths
    if not (images and truths):
        return None
    for several in (images, truths):
        if len(several) > 1:
            raise UserError(f"{folder}: which one is it, {' or '.join(sub.name for sub in several)}? Move one away")
    return images[0], truths[0]


def _inner_set(images, truths, source):
    """`images`/<Set>/<group> beside `truths`/<Set>/<group>: the folders of the set wanted."""
    inner = subfolders(images)
    if image_files(images) or any(image_files(sub) for sub in inner) or not any(map(subfolders, inner)):
        return images, truths
    chosen = _wanted({sub: sub for sub in inner}, images, source)
    truth = match([chosen], subfolders(truths)).get(chosen)
    if truth is None:
        raise UserError(f"{truths}: no folder {chosen.name}, as there is in {images}")
    return chosen, truth


def _wanted(folders, where, source):
    """The one of several data sets that `source` names: a value of {its folder: value}."""
    if len(folders) == 1:
        return next(iter(folders.values()))
    fitting = [value for folder, value in folders.items() if _plain_name(folder.name).startswith(source)]
    if len(fitting) != 1:
        names = [folder.name for folder in folders]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        raise UserError(
            f"{where}: several data sets in one place ({', '.join(names[:LISTED])}{more}); give the path of one of them"
        )
    return fitting[0]


def _plain(folder):
    """A folder of group folders or images, past folders that only wrap it."""
    while not image_files(folder) and len(subfolders(folder)) == 1:
        (only,) = subfolders(folder)
        if image_files(only) or strange_files(only):
            return folder
        folder = only
    return folder


def _pair(label, folder, truth_folder, has_truth):
    """The photos of a group, in order, and what is wrong with their names."""
    images, truths = image_files(folder), image_files(truth_folder) if truth_folder else []
    paired = match(images, truths)
    photos, problems, owner = [], [], {}
    for file in images:
        truth = paired.get(file)
        if has_truth and truth is None:
            problems.append(Problem(label, shown(file.name), NO_TRUTH))
            continue
        photos.append(Photo(file, truth))
        if truth and owner.setdefault(truth, file) != file:
            text = f"shared ground truth: {shown(truth.name)} is that of {shown(owner[truth].name)}, too"
            problems.append(Problem(label, shown(file.name), text))
    names = {name for file in images for name in _like_names(file)}
    for file in truths:
        if file not in owner:
            again = "; another ground truth has the name of its image" if _like_names(file)[-1] in names else ""
            problems.append(Problem(label, shown(file.name), f"no image{again}"))
    problems += _strange(folder, label, set())
    return photos, problems + (_strange(truth_folder, label, set(), sidecars=True) if truth_folder else [])


def _masks_alone(truths, used):
    """Problems of ground truth that is of no group: loose, or in folders other than those `used`."""
    problems = [Problem("", shown(file.name), "no image") for file in image_files(truths)]
    problems += _strange(truths, "", set(subfolders(truths)), sidecars=True)
    for folder in (sub for sub in subfolders(truths) if sub not in used):
        problems += [Problem(shown(folder.name), shown(file.name), "no image") for file in image_files(folder)]
        problems += _strange(folder, shown(folder.name), set(), sidecars=True)
    return problems


def _strange(folder, label, known, sidecars=False):
    """Problems of what in a folder is not read: files of unknown kinds, and folders that are not `known`."""
    problems = [Problem(label, shown(file.name), _not_read(file)) for file in strange_files(folder, sidecars)]
    problems += [
        Problem(label, f"{shown(inner.name)}/", "not read: a hidden folder") for inner in _hidden_folders(folder)
    ]
    for inner in (sub for sub in subfolders(folder) if sub not in known):
        if _plain_name(inner.name) in TRUTH_FOLDERS and count_below(inner):
            text = f"not read: a folder of masks inside a group ({count_below(inner)}). {APART}"
        elif label:
            text = f"not read: a folder inside a group ({counted(count_below(inner), 'image')})"
        else:
            deep = f"; folders inside it hold {counted(count_below(inner), 'image')}" if has_images(inner) else ""
            others = strange_files(inner)
            deep += f"; not read: {_some(others)}" if others else ""
            problems.append(Problem(shown(inner.name), "", f"no images in this folder{deep}"))
            continue
        problems.append(Problem(label, f"{shown(inner.name)}/", text))
    return problems


def _not_read(file):
    """Why a file is not read."""
    if file.name.startswith("."):
        return "not read: a hidden file"
    kind = f"a file of kind {shown(file.suffix.lower()[1:])}" if file.suffix else "a file without a suffix"
    return f"not read: {kind}; images and masks are JPEG, PNG, BMP, WebP or TIFF files"


def _beside(parent, images, truths):
    """Problems of images that lie beside the folders of images and of ground truth, in neither."""
    problems = [
        Problem("", shown(file.name), f"not read: it lies beside {images.name} and {truths.name}")
        for file in image_files(parent)
    ]
    problems += [Problem("", shown(file.name), _not_read(file)) for file in strange_files(parent)]
    for inner in subfolders(parent):
        if inner not in (images, truths) and inner not in (images.parent, truths.parent) and count_below(inner):
            text = f"not read: a folder beside {images.name} and {truths.name} ({counted(count_below(inner), 'image')})"
            problems.append(Problem("", f"{shown(inner.name)}/", text))
    return problems


def _annotations(root, images):
    """Problems of files that may hold the ground truth of all images, as COCO's do, where no folder does."""
    folders = {root, images, images.parent if images != root else root}
    files = [file for folder in sorted(folders) for file in strange_files(folder, sidecars=True)]
    return [
        Problem("", shown(file.name), f"{_not_read(file)}, so there is no ground truth")
        for file in files
        if file.suffix.lower() in SIDECARS and ANNOTATIONS.search(file.stem)
    ]


def _refuse_others(root, place):
    """Refuse images outside `place`, the folder of images and of ground truth that was found below `root`."""
    while place != root:
        others = [sub for sub in subfolders(place.parent) if sub != place and has_images(sub)]
        loose = image_files(place.parent)
        if others or loose:
            raise UserError(
                f"{place.parent}: images and ground truth lie in {place.name}, other images beside it "
                f"({_some(others + loose)}); expected all groups in one layout"
            )
        place = place.parent


def _some(paths):
    """The first few names, for a message."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(shown(path.name) for path in paths[:LISTED]) + more


def _hidden_folders(folder):
    """Hidden folders of images that no program keeps for itself; those of jobs under way end in `.partial`."""
    hidden = (item for item in folder.iterdir() if item.name.startswith(".") and item.is_dir())
    its = (item for item in hidden if item.name.lower() not in CACHES and not item.name.endswith((".partial", ".old")))
    return sorted((item for item in its if not item.is_symlink() and has_images(item)), key=_by_text)


def _dangling(item):
    """Whether a file is a link to nothing: to be reported, not overlooked."""
    return item.is_symlink() and not item.exists()


def _by_text(path):
    return path.name


def _exact_names(path):
    """The names that a file's ground truth may have without extension; the last one is its own."""
    return (path.name, path.stem) if path.suffix.lower() in SUFFIXES else (path.name,)


def _like_names(path):
    return tuple(map(_key, _exact_names(path)))


def _masks_names(path):
    return (base_name(path),) if path.suffix.lower() in SUFFIXES else (_key(path.name),)


def _key(name):
    """A name as it is compared: copies of an archive differ in the case of letters and in how accents are stored."""
    return unicodedata.normalize("NFC", name).casefold()


def _plain_name(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _hidden(name):
    return name.startswith(".") or name.lower() in LITTER
