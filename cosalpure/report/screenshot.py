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
SIZE, MARGIN = (1000, 1000), 16  # px, of the window and below its content
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
ALONE = "<style>header, main > section:not([aria-labelledby={}]) {{ display: none }}</style>"
SECONDS = 120  # a browser that takes longer hangs


def take(page: str | Path, part: str, output: str | Path) -> None:
    """Write a picture of section `part` of `page` (HTML file), by itself, to the PNG file `output`."""
    if not Path(page).is_file():
        raise UserError(f"{page}: no such report page; make it with: snakemake --cores all report")
    text = Path(page).read_text(encoding="utf-8")
    choose("part", part, re.findall(r'<h2 id="([^"]+)"', text), "--part")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(f"no browser: a screenshot needs one of {', '.join(BROWSERS)} on the PATH")
    with tempfile.TemporaryDirectory() as profile, whole_file(output) as temporary:
        copy, picture = Path(profile, "page.html"), Path(profile, "shot.png")
        copy.write_text(text.replace("</head>", ALONE.format(part) + "</head>", 1), encoding="utf-8")
        command = [browser, *OPTIONS, f"--user-data-dir={profile}", f"--window-size={SIZE[0]},{SIZE[1]}"]
        _run([*command, f"--screenshot={picture}", copy.as_uri()], page, picture)
        with Image.open(picture) as image:
            trimmed(image.convert("RGB")).quantize(256).save(temporary, format="PNG", optimize=True)


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
