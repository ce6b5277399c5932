"""A picture of a part of the report page, taken by Chromium without a window; for the README and the documentation."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from cosalpure.errors import UserError, choose
from cosalpure.io import whole_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT, MARGIN = 1000, 1800, 16  # px, of the window by default, and below its content
NARROWEST = 500  # px, of Chromium's window; a narrower page is shown in a frame
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
FRAME = (
    '<!doctype html><body style="margin: 0"><iframe src="page.html" style="border: 0" width="{}" height="{}"></iframe>'
)
DARK = {"@media (prefers-color-scheme: dark)": "@media all", "color-scheme: light dark": "color-scheme: dark"}
ALONE = "<style>header, footer, main > section:not([aria-labelledby={}]) {{ display: none }}</style>"
SECONDS = 120  # a browser that takes longer hangs


def take(page: str | Path, part: str, output: str | Path, width: int = WIDTH, dark: bool = False) -> None:
    """Write a picture of a section of the report page, by itself.

    Args:
        page: the HTML file.
        part: the section's heading, as in the page's links.
        output: the PNG file to write.
        width: px, of the window.
        dark: whether in the page's dark colours.

    Raises:
        UserError: if there is no page, no such part, no browser, or if the browser fails.
    """
    if not Path(page).is_file():
        raise UserError(f"{page}: no such report page; make it with: snakemake --cores all report")
    text = Path(page).read_text(encoding="utf-8", errors="replace")
    choose("part", part, re.findall(r'<h2 id="([^"]+)"', text), "--part")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(f"no browser: a screenshot needs one of {', '.join(BROWSERS)} on the PATH")
    with tempfile.TemporaryDirectory() as profile, whole_file(output) as temporary:
        copy, picture = _copy(text, part, width, dark, Path(profile)), Path(profile, "shot.png")
        command = [browser, *OPTIONS, f"--user-data-dir={profile}", f"--window-size={max(width, NARROWEST)},{HEIGHT}"]
        _run([*command, f"--screenshot={picture}", copy.as_uri()], page, picture)
        with Image.open(picture) as image:
            shown = trimmed(image.convert("RGB").crop((0, 0, width, image.height)))
            shown.quantize(256).save(temporary, format="PNG", optimize=True)


def _copy(text: str, part: str, width: int, dark: bool, folder: Path) -> Path:
    """Write the page with one section alone into a folder; what the browser opens of it is returned."""
    for light, its in DARK.items() if dark else ():
        text = text.replace(light, its)
    copy, frame = folder / "page.html", folder / "frame.html"
    copy.write_text(text.replace("</head>", ALONE.format(part) + "</head>", 1), encoding="utf-8")
    if width >= NARROWEST:
        return copy
    frame.write_text(FRAME.format(width, HEIGHT), encoding="utf-8")
    return frame


def _run(command: list[str], page: str | Path, picture: Path) -> None:
    """Run the browser, which must leave `picture`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(f"{command[0]}: no picture of {page} after {SECONDS} s") from None
    if not picture.exists():
        why = f"(status {done.returncode}): {done.stderr.strip()[-200:]}"
        raise UserError(f"{command[0]}: no picture of {page} {why}")


def trimmed(image: Image.Image) -> Image.Image:
    """Cut off the empty space below what there is to see."""
    background = image.crop((0, 0, 1, 1)).resize(image.size)  # of the colour in the corner
    box = ImageChops.difference(image, background).getbbox()
    return image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN))) if box else image
