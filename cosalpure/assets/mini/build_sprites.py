"""Rasterise the sprites and backgrounds of the mini benchmark (run once; the result is in git).

The sprites are emoji of eight designers, as published by the Iconify project on npm. To repeat::

    npm install @iconify-json/{noto@1.2.9,noto-v1@1.2.5,fxemoji@1.2.2,fluent-emoji@1.2.7,fluent-emoji-flat@1.2.6}
    npm install @iconify-json/{twemoji@1.2.5,emojione@1.2.3,streamline-emojis@1.2.5}
    pip install resvg-py==0.5.0
    python cosalpure/assets/mini/build_sprites.py node_modules/@iconify-json

Input: `concepts.csv` (concept, split), this folder. Output: `sprites/<concept>.webp`, a strip of square
RGBA tiles, one per designer in the order of `sprites.csv` (concept, tile, set, licence), and
`backgrounds/<name>.webp`, photographs of scikit-image's wheel scaled to 192 px.
Licences: `NOTICE` in the repository's root.
"""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image
from resvg_py import svg_to_bytes

HERE = Path(__file__).resolve().parent
TILE = 112  # px; objects are scaled down from here, up to four fifths of a 128 px scene
SETS = {  # Iconify set -> licence; sets under share-alike licences (openmoji, emojione-v1) are left out
    "noto": "Apache-2.0",
    "noto-v1": "Apache-2.0",
    "fxemoji": "Apache-2.0",
    "fluent-emoji": "MIT",
    "fluent-emoji-flat": "MIT",
    "twemoji": "CC-BY-4.0",
    "emojione": "CC-BY-4.0",
    "streamline-emojis": "CC-BY-4.0",
}
# Photographs in scikit-image's wheel under CC0 or in the public domain (skimage/data/_fetchers.py names each source).
BACKGROUNDS = "astronaut brick camera chelsea coffee coins grass gravel rocket".split()


def svg_of(icons: dict[str, Any], name: str) -> str:
    """Write one icon of an Iconify set as a complete SVG document."""
    icon = icons["icons"].get(name) or icons["icons"][icons["aliases"][name]["parent"]]
    left, top = icon.get("left", 0), icon.get("top", 0)
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f'viewBox="{left} {top} {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" {box}>{icon["body"]}</svg>'
    )


def rasterise(svg: str) -> Image.Image:
    """Draw SVG text as an RGBA tile of TILE x TILE, the object cropped to its alpha and centred with a 2 px margin."""
    image = Image.open(io.BytesIO(bytes(svg_to_bytes(svg_string=svg, width=4 * TILE)))).convert("RGBA")
    alpha = np.asarray(image)[..., 3] > 16
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    image = image.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    image.thumbnail((TILE - 4, TILE - 4), Image.Resampling.LANCZOS, reducing_gap=None)
    tile = Image.new("RGBA", (TILE, TILE))
    tile.paste(image, ((TILE - image.width) // 2, (TILE - image.height) // 2))
    return tile


def main(iconify: Path) -> None:
    """Write the strips of sprites, their table and the backgrounds from the folder of Iconify's packages."""
    libraries = {name: json.loads((iconify / name / "icons.json").read_text()) for name in SETS}
    concepts = [row["concept"] for row in csv.DictReader((HERE / "concepts.csv").open())]
    (HERE / "sprites").mkdir(exist_ok=True)
    rows = []
    for concept in concepts:
        tiles = []
        for name, icons in libraries.items():
            if concept not in icons["icons"] and concept not in icons.get("aliases", {}):
                continue
            rows.append((concept, len(tiles), name, SETS[name]))
            tiles.append(rasterise(svg_of(icons, concept)))
        strip = Image.new("RGBA", (TILE * len(tiles), TILE))
        for index, tile in enumerate(tiles):
            strip.paste(tile, (index * TILE, 0))
        strip.save(HERE / "sprites" / f"{concept}.webp", quality=85, alpha_quality=100, method=6)
    with (HERE / "sprites.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("concept", "tile", "set", "licence"), *rows])

    (HERE / "backgrounds").mkdir(exist_ok=True)
    for name in BACKGROUNDS:
        (path,) = (Path(skimage.__file__).parent / "data").glob(f"{name}.*")
        image = Image.open(path).convert("RGB")
        scale = 192 / min(image.size)
        size = tuple(round(side * scale) for side in image.size)
        image.resize(size, Image.Resampling.LANCZOS).save(HERE / "backgrounds" / f"{name}.webp", quality=90, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
