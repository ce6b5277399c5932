"""A folder as photographers have them: sizes, formats, transparency, EXIF, and what is no photograph in between.

python tests/photographs.py FOLDER      # makes it; shows one cup of coffee, from scikit-image's `coffee`
"""

import io
import sys
from pathlib import Path

import skimage
from PIL import Image, ImageDraw

COFFEE = Path(skimage.__file__).parent / "data/coffee.png"  # 600 x 400
UPRIGHT = {  # {name: size in px as a viewer shows it}
    "a large one.jpg": (2400, 1600),
    "b turned.JPG": (300, 400),
    "c tiny.png": (37, 50),
    "d cut out.png": (360, 300),
    "e moving.gif": (300, 200),
    "f modern.avif": (400, 400),
    "g wide.webp": (560, 210),
}
NO_PHOTOS = ("notes.txt", "half.jpg", "older/")
ORIENTATION = 0x0112


def make(folder):
    """Write the photographs and what lies between them to a new folder."""
    folder.mkdir(parents=True)
    with Image.open(COFFEE) as image:
        coffee = image.convert("RGB")
    mirrored = coffee.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    large, turned, tiny, cut_out, moving, modern, wide = (folder / name for name in UPRIGHT)

    coffee.resize((2400, 1600), Image.Resampling.BICUBIC).save(large, quality=90)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # stored lying on its side
    coffee.crop((120, 0, 420, 400)).transpose(Image.Transpose.ROTATE_90).save(turned, format="JPEG", exif=exif)
    mirrored.crop((190, 30, 430, 354)).resize((37, 50), Image.Resampling.LANCZOS).save(tiny)
    cut = coffee.crop((90, 20, 450, 320)).convert("RGBA")
    alpha = Image.new("L", cut.size)
    ImageDraw.Draw(alpha).ellipse((5, 5, 355, 295), fill=255)
    cut.putalpha(alpha)
    cut.save(cut_out)
    frames = [image.resize((300, 200)) for image in (mirrored, coffee)]
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    coffee.crop((60, 0, 460, 400)).save(modern, speed=10)
    mirrored.crop((40, 90, 600, 300)).save(wide)

    (folder / "notes.txt").write_text("what a day\n")
    file = io.BytesIO()
    coffee.save(file, "JPEG")
    (folder / "half.jpg").write_bytes(file.getvalue()[:9000])
    (folder / "older").mkdir()
    coffee.save(folder / "older" / "coffee.png")
    (folder / ".DS_Store").write_bytes(b"\0")
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
