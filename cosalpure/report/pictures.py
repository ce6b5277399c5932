"""Image files as data addresses for the page, and the outline of a mask as a picture to be laid over them."""

import base64
import io
from pathlib import Path

from PIL import Image, ImageFilter

SIDE = 160  # px, of a picture on the page
OUTLINE_SIDE, OUTLINE = 320, (255, 0, 200)  # px; a colour that few photographs have


class Pictures:
    """Image files as data addresses, each once; `found` maps a short key to the address."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.size = 0
        self._keys: dict[tuple[Path, bool], str | None] = {}

    def key(self, path: Path, outline: bool = False) -> str | None:
        """Get the key of an image file, or of a mask's outline; None if there is no such file, as for a failed image."""
        if (path, outline) not in self._keys:
            key = f"p{len(self.found)}" if path.exists() else None
            if key:
                self.found[key] = outline_address(path) if outline else data_address(path)
                self.size += len(self.found[key])
            self._keys[path, outline] = key
        return self._keys[path, outline]


def data_address(path: Path, side: int | None = SIDE) -> str:
    """Write an image file as data:image/webp;..., made smaller if a side is longer than `side` pixels."""
    with Image.open(path) as file:
        image = file.convert("L" if file.mode == "L" else "RGB")
    if side:
        image.thumbnail((side, side))
    return _address(image, "WEBP", quality=80, method=4)


def outline_address(path: Path) -> str:
    """Draw the outline of a mask as a picture that is transparent elsewhere, as a data address."""
    with Image.open(path) as file:
        mask = file.convert("L").point(lambda value: 255 * (value > 127))
    scale = OUTLINE_SIDE / max(mask.size)
    mask = mask.resize((round(mask.width * scale), round(mask.height * scale)), Image.Resampling.BICUBIC)
    mask = mask.point(lambda value: 255 * (value > 127))
    # two pixels on each side of the border, so that it is seen on small pictures too
    inner, outer = mask.filter(ImageFilter.MinFilter(3)), mask.filter(ImageFilter.MaxFilter(5))
    ring = Image.new("P", mask.size, 0)
    ring.putpalette([0, 0, 0, *OUTLINE])
    ring.paste(1, mask=outer)
    ring.paste(0, mask=inner)
    return _address(ring, "PNG", transparency=0, bits=1, optimize=True)


def _address(image: Image.Image, form: str, **options: object) -> str:
    """Write an image as a data address."""
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
