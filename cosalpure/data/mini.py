"""The mini benchmark's images: scenes composed from sprites, with exact masks, from a seed.

A group shows one concept drawn by many designers, each time among one or two other things, before another
background: the common object is the only thing that repeats, as in a co-saliency dataset. The sprites and
backgrounds lie in `assets/mini/` (made by `build_sprites.py` there). About one millisecond an image at 64 px.
"""

import copy
import csv
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from cosalpure.bundled import ASSETS
from cosalpure.errors import UserError, choose

RESOURCES = ASSETS / "mini"
Box = tuple[int, int, int, int]  # x, y, w, h
SPLITS = ("train", "dev", "test")  # disjoint concepts: detectors learn on train, choices are made on dev


class MiniWorld:
    """The sprites, the backgrounds, and how they become scenes of `size` x `size` pixels."""

    def __init__(self, resources: str | Path = RESOURCES, size: int = 64) -> None:
        self.resources = Path(resources)
        self.size = size
        self._sprites: dict[str, list[Image.Image]] = {}
        if not (self.resources / "concepts.csv").exists():
            raise UserError(f"{self.resources}: no concepts.csv; the mini benchmark's sprites ship with cosalpure")

    @cached_property
    def splits(self) -> dict[str, str]:
        """{concept: split} in the order of the file."""
        with (self.resources / "concepts.csv").open() as file:
            return {row["concept"]: row["split"] for row in csv.DictReader(file)}

    def concepts(self, split: str) -> list[str]:
        """List the names of a split's concepts, sorted."""
        choose("split", split, SPLITS)
        return sorted(concept for concept, its in self.splits.items() if its == split)

    def sprites(self, concept: str) -> list[Image.Image]:
        """List the designs of a concept: RGBA images, one a designer."""
        if concept not in self._sprites:
            choose("concept", concept, list(self.splits))
            with Image.open(self.resources / "sprites" / f"{concept}.webp") as file:
                strip = file.convert("RGBA")
            side = strip.height
            self._sprites[concept] = [strip.crop((x, 0, x + side, side)) for x in range(0, strip.width, side)]
        return self._sprites[concept]

    def at(self, size: int) -> Self:
        """Give the same world at another size in pixels."""
        other = copy.copy(self)
        other.size = size
        other.__dict__.pop("photographs", None)  # they have the old size
        return other

    @cached_property
    def photographs(self) -> list[Image.Image]:
        """Background photographs, RGB, at three halves of the scene's size."""
        photographs = []
        for path in sorted((self.resources / "backgrounds").glob("*.webp")):
            with Image.open(path) as image:
                scale = 1.5 * self.size / min(image.size)
                size = [max(self.size, round(side * scale)) for side in image.size]
                photographs.append(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        return photographs

    def scene(
        self, rng: np.random.Generator, concept: str, distractors_from: Sequence[str], design: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compose a benchmark-like scene: (image uint8 (size, size, 3), mask uint8 (size, size) of 0 and 255).

        One object of `concept` (48 to 78 % of the side) on top of one or two others (30 to 50 %) of `distractors_from`.
        """
        canvas = self._background(rng)
        target = self._object(rng, concept, rng.uniform(0.48, 0.78), design)
        others = [c for c in rng.permutation(distractors_from) if c != concept][: rng.integers(1, 3)]
        place = self._place(rng, target, [])
        boxes = [place]
        for other in others:
            sprite = self._object(rng, str(other), rng.uniform(0.3, 0.5))
            boxes.append(self._place(rng, sprite, boxes))
            _paste(canvas, sprite, boxes[-1][:2], self.size)
        _paste(canvas, target, place[:2], self.size)
        return self._finish(rng, canvas), _mask(target, place[:2], self.size)

    def portrait(
        self, rng: np.random.Generator, concept: str, design: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compose a large object (half to four fifths of the side) on a plain background, nothing else: (image, mask)."""
        canvas = self._plain(rng)
        target = self._object(rng, concept, rng.uniform(0.5, 0.8), design)
        place = self._place(rng, target, [])[:2]
        _paste(canvas, target, place, self.size)
        return self._finish(rng, canvas), _mask(target, place, self.size)

    def group(
        self, rng: np.random.Generator, concept: str, n: int, distractors_from: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compose `n` scenes of one concept: images uint8 (n, size, size, 3), masks uint8 (n, size, size) of 0 and 255.

        Designs are shuffled over the positions, so that the attacked first half has no designers of its own.
        """
        count = len(self.sprites(concept))
        designs = np.concatenate([rng.permutation(count) for _ in range(-(-n // count))])[:n]
        pairs = [self.scene(rng, concept, distractors_from, int(design)) for design in designs]
        images, masks = zip(*pairs, strict=True)
        return np.stack(images), np.stack(masks)

    def _object(self, rng: np.random.Generator, concept: str, scale: float, design: int | None = None) -> Image.Image:
        """Draw a sprite, perhaps mirrored, turned by up to 15 degrees, a little lighter or darker; RGBA."""
        sprites = self.sprites(concept)
        sprite = sprites[int(rng.integers(len(sprites))) if design is None else design % len(sprites)]
        if rng.random() < 0.5:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        sprite = sprite.rotate(rng.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True)
        sprite = sprite.crop(sprite.getbbox())
        factor = scale * self.size / max(sprite.size)
        size = [max(2, round(side * factor)) for side in sprite.size]
        sprite = sprite.resize(size, Image.Resampling.BOX if factor < 0.2 else Image.Resampling.LANCZOS)
        alpha = sprite.getchannel("A")
        sprite = ImageEnhance.Brightness(sprite.convert("RGB")).enhance(rng.uniform(0.85, 1.1))
        sprite.putalpha(alpha)
        return sprite

    def _place(self, rng: np.random.Generator, sprite: Image.Image, boxes: Sequence[Box], tries: int = 12) -> Box:
        """Find the position (x, y, w, h), of a few random ones, that overlaps the `boxes` placed so far least."""
        width, height = sprite.size
        best: tuple[int, Box] | None = None
        for _ in range(tries if boxes else 1):
            x = int(rng.integers(0, max(1, self.size - width + 1)))
            y = int(rng.integers(0, max(1, self.size - height + 1)))
            overlap = sum(_overlap((x, y, width, height), box) for box in boxes)
            if best is None or overlap < best[0]:
                best = (overlap, (x, y, width, height))
            if overlap == 0:
                break
        assert best is not None  # `tries` is positive
        return best[1]

    def _background(self, rng: np.random.Generator) -> Image.Image:
        """Draw a background, half the time a photograph, else a texture made here; RGB image."""
        if rng.random() < 0.5:
            photograph = self.photographs[int(rng.integers(len(self.photographs)))]
            x = int(rng.integers(0, photograph.width - self.size + 1))
            y = int(rng.integers(0, photograph.height - self.size + 1))
            return photograph.crop((x, y, x + self.size, y + self.size))
        return self._texture(rng) if rng.random() < 0.5 else self._plain(rng)

    def _plain(self, rng: np.random.Generator) -> Image.Image:
        """Draw one colour, or a gradient between two; RGB image."""
        first, second = rng.uniform(40, 235, (2, 3))
        if rng.random() < 0.4:
            second = first
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[-1 : 1 : self.size * 1j, -1 : 1 : self.size * 1j]
        mix = ((np.cos(angle) * x + np.sin(angle) * y) / 2.83 + 0.5)[..., None]
        return Image.fromarray((first * (1 - mix) + second * mix).round().astype(np.uint8))

    def _texture(self, rng: np.random.Generator) -> Image.Image:
        """Draw smooth noise or stripes between two colours; RGB image."""
        first, second = rng.uniform(30, 225, (2, 3))
        if rng.random() < 0.5:
            cells = int(rng.integers(3, 17))
            noise = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
            mix = np.asarray(noise.resize((self.size, self.size), Image.Resampling.BICUBIC)) / 255
        else:
            angle, period = rng.uniform(0, np.pi), rng.uniform(0.06, 0.3) * self.size
            y, x = np.mgrid[: self.size, : self.size]
            mix = 0.5 + 0.5 * np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period)
        mix = mix[..., None]
        return Image.fromarray((first * (1 - mix) + second * mix).round().astype(np.uint8))

    def _finish(self, rng: np.random.Generator, canvas: Image.Image) -> np.ndarray:
        """Add the camera's exposure jitter, one gain an image; uint8 array."""
        return np.asarray(ImageEnhance.Brightness(canvas).enhance(rng.uniform(0.85, 1.15)))


def _paste(canvas: Image.Image, sprite: Image.Image, place: tuple[int, int] | Box, size: int) -> None:
    """Paste `sprite` onto `canvas` at `place`, over a soft shadow."""
    alpha = sprite.getchannel("A")
    shadow = Image.new("L", canvas.size)
    offset = max(1, size // 40)
    shadow.paste(alpha.point(lambda value: int(value * 0.35)), (place[0] + offset, place[1] + offset))
    shadow = shadow.filter(ImageFilter.GaussianBlur(size / 50))
    canvas.paste((0, 0, 0), (0, 0), shadow)
    canvas.paste(sprite.convert("RGB"), place, alpha)


def _mask(sprite: Image.Image, place: tuple[int, int] | Box, size: int) -> np.ndarray:
    """Mark the pixels that the sprite covers by at least half; uint8 (size, size) of 0 and 255."""
    mask = Image.new("L", (size, size))
    mask.paste(sprite.getchannel("A").point(lambda value: 255 if value >= 128 else 0), place)
    return np.asarray(mask)


def _overlap(a: Box, b: Box) -> int:
    """Compute the common area of two boxes (x, y, w, h)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)
