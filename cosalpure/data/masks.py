"""Reading a ground truth of any encoding: certain ones are read and said, of all others a problem names the encoding.

    ordinary     8-bit grey, from black to white, soft edges included: taken as it is, object where it is half white or more
    labels       one value, palette index or colour beside the background 0, with or without VOC's void 255: the object
    transparency where the colours say nothing, or are the photograph: opaque is the object
    other depths 16- and 32-bit whole numbers and floats: by the range of their values

Everything else is of unclear meaning: several labels (classes or instances?), a third level (a trimap?), colours that
contradict the order of the palette, labels in a lossy format. It is read as well as can be and reported.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cosalpure.data.photos import OPAQUE, Reading, as_stored, frames_of, is_lossy, orientation
from cosalpure.data.pixels import border_share, even_share, is_thick, solid_counts, to_luma
from cosalpure.io import has_16_bits, open_image

UNCLEAR = "unclear mask"  # what problems of this module start with
REMEDY = "Save it as grey, 0 for the background and 255 for the object"
WHITE, DARK = 192, 64  # a grey mask with soft edges has a level of at least the first, and one below the second
BLACK, PURE_WHITE = 15, 240  # bounds of the two values of a mask that is taken as it is
FEW = 16  # distinct values at most of a map of labels
ID = 32  # labels of classes and instances lie below this; VOC has 20 classes
VOID, VOID_COLOUR = 255, 0xE0E0C0  # pixels that VOC leaves undecided: their label, and the colour of its palette
PLURAL = {"value": "values", "palette index": "palette indices"}
SOLID = 4  # pixels in blocks of 2 x 2: fewer of one value are soft edges or specks


def read_mask(path: str | Path) -> Reading:
    """Read a ground truth: pixels (H, W), uint8, as stored; 128 and more is the object. A UserError names a bad file."""
    with open_image(path) as image:
        deep, turned, lossy = has_16_bits(image), orientation(image), is_lossy(image)
        frames, see_through = frames_of(image), image.has_transparency_data and image.mode[0] not in "IF"
        image = as_stored(image, turned)
        reading = _transparent(image, lossy) if see_through else _opaque(image, lossy)
        if deep and image.mode[0] not in "IF" and np.asarray(image.convert("RGB")).max() <= 1:
            reading = _unclear(reading.pixels, "16 bits a channel, but no value above 511, which is black")
    if frames > 1:
        reading = _unclear(reading.pixels, f"{frames} pictures in one file")
    return replace(reading, orientation=turned)


def _unclear(pixels: np.ndarray, what: str) -> Reading:
    return Reading(pixels, f"{UNCLEAR}: {what}{'' if what[-1] in '?.' else '.'} {REMEDY}")


def _object(chosen: np.ndarray) -> np.ndarray:
    """Write chosen pixels, boolean (H, W), as 0 and 255."""
    return chosen * np.uint8(255)


def _opaque(image: Image.Image, lossy: bool) -> Reading:
    """Read a mask without transparency."""
    if image.mode[0] in "IF":
        return _deep(np.asarray(image))
    if image.mode == "P":
        return _palette(image)
    if image.mode in ("1", "L"):
        return _grey(np.asarray(image.convert("L")), lossy)
    return _colours(np.asarray(image.convert("RGB")), lossy)


def _grey(values: np.ndarray, lossy: bool = False) -> Reading:
    """Read grey values, uint8 (H, W): ordinary, one label, or unclear."""
    counts = np.bincount(values.ravel(), minlength=256)
    present = np.flatnonzero(counts)
    if len(present) == 1:
        certain = present[0] in (0, 255)  # empty and full ones are told by what is written
        return Reading(values) if certain else _unclear(values, f"{present[0]} everywhere")
    if len(present) == 2:
        low, high = map(int, present)
        return _two_values(values, low, high, lossy)
    if len(present) <= FEW and not lossy:
        return _few_values(values, counts, present)
    return _many_values(values, counts, lossy)


def _two_values(values: np.ndarray, low: Any, high: Any, lossy: bool = False) -> Reading:
    """Read a mask of two distinct values, of any depth."""
    if low <= BLACK and PURE_WHITE <= high <= 255:
        return Reading(values.astype(np.uint8))
    if lossy:
        return _unclear(_object(values == high), f"values {low:g} and {high:g} in a lossy format")
    if low == 0 or border_share(values == low) > 0.5:
        return Reading(_object(values == high), note=f"value {high:g} is the object, {low:g} the background")
    return _unclear(_object(values == high), f"values {low:g} and {high:g}: which is the object?")


def _few_values(values: np.ndarray, counts: np.ndarray, present: np.ndarray) -> Reading:
    """Read three to sixteen distinct values: black and white with soft edges, or labels."""
    total, solid = counts.sum(), solid_counts(values)
    share = np.maximum(solid >= SOLID, counts >= max(SOLID, 0.002 * total))
    levels = [int(value) for value in present if share[value]]
    dark, white = ([value for value in levels if low <= value < high] for low, high in ((0, DARK), (WHITE, 256)))
    soft = len(dark) <= 1 and (len(white) <= 1 or white[0] >= 224) and sorted(dark + white) == levels
    if soft and present[0] < DARK and present[-1] >= WHITE:
        return Reading(values)
    ids = [value for value in levels if 0 < value < ID]
    if 0 in levels and ids and set(levels) <= {0, *ids, VOID}:
        return _labelled(_object(np.isin(values, ids)), ids, VOID in levels, not is_thick(values == VOID), "value")
    listed = _listed(levels if len(levels) > 2 else present.tolist())
    return _unclear(values, f"values {listed}: labels, or undecided pixels?")


def _labelled(chosen: np.ndarray, ids: Sequence[Any], void: bool, void_is_certain: bool, what: str) -> Reading:
    """Read a map of labels beside the background 0 and perhaps a void 255.

    Args:
        chosen: the pixels of all `ids`.
        ids: the labels.
        void: whether there is a void.
        void_is_certain: whether it is sure to be one.
        what: "value" or "palette index".
    """
    if len(ids) > 1:
        several = f"{PLURAL[what]} {_listed(ids)} beside the background: several classes or instances? All are taken as the object"
        return _unclear(chosen, f"{several}.")
    if void and not void_is_certain:
        return _unclear(chosen, f"{PLURAL[what]} 0, {ids[0]} and {VOID}: which is the object?")
    return Reading(chosen, note=f"{what} {ids[0]} is the object" + (f", {VOID} (void) is background" if void else ""))


def _many_values(values: np.ndarray, counts: np.ndarray, lossy: bool) -> Reading:
    """Read more than sixteen grey values, or a lossy format: black and white with soft edges, or unclear."""
    total, middle = counts.sum(), counts[48:208]
    if not counts[WHITE:].any() or not counts[:DARK].any():
        low, high = np.flatnonzero(counts)[[0, -1]]
        return _unclear(values, f"greys from {low} to {high}, no black and white")
    share = middle.sum() / total
    if share > 0.25:
        return _unclear(values, f"{share:.0%} of it is neither black nor white: a photograph or a soft map?")
    window = np.convolve(middle, np.ones(32, int), "valid")
    if share > 0.02 and window.max() > 0.5 * middle.sum():
        start = int(window.argmax())
        level = 48 + start + int(middle[start : start + 32].argmax())
        return _unclear(values, f"a third level near {level}, {share:.0%} of it: labels, or undecided pixels?")
    even = 0 if lossy else even_share(values, 4, 207)
    if even > 0.01:
        return _unclear(
            values, f"{even:.0%} of it in even areas that are neither black nor white: labels of many objects?"
        )
    return Reading(values)


def _colours(pixels: np.ndarray, lossy: bool) -> Reading:
    """Read colours, uint8 (H, W, 3): grey stored as colour, one colour on black, or unclear."""
    red, green, blue = np.moveaxis(pixels, 2, 0)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return _grey(np.ascontiguousarray(red), lossy)
    packed = pixels.astype(np.int64) @ (65536, 256, 1)
    luma = to_luma(pixels)
    if lossy or len(np.unique(packed[:: max(1, packed.shape[0] // 64)])) > FEW or len(np.unique(packed)) > FEW:
        coloured = (np.ptp(pixels, axis=2) > 32).mean()
        if coloured <= 0.001:
            return _grey(luma, lossy)
        return _unclear(luma, f"colours in {coloured:.0%} of it: a photograph, or labels of many or blurred colours?")
    return _coloured_labels(packed, luma)


def _coloured_labels(packed: np.ndarray, luma: np.ndarray) -> Reading:
    """Read packed colours (H, W), at most sixteen of them: one on black, with or without VOC's void."""
    present = [int(value) for value in np.unique(packed)]
    labels = [value for value in present if value not in (0, VOID_COLOUR)] or present[-1:]
    chosen = _object(np.isin(packed, labels))
    if 0 not in present:
        listed = _listed([f"#{value:06x}" for value in present])
        return _unclear(luma, f"colours {listed}, none of which is black: which is the background?")
    if len(labels) > 1:
        listed = _listed([f"#{value:06x}" for value in labels])
        what = f"colours {listed} on black: several classes or instances? All are taken as the object."
        return _unclear(chosen, what)
    void = ", #e0e0c0 (void) is background" if VOID_COLOUR in present and labels != [VOID_COLOUR] else ""
    return Reading(chosen, note=f"colour #{labels[0]:06x} is the object{void}")


def _palette(image: Image.Image) -> Reading:
    """Read palette indices: by their colours where these are greys, else as labels."""
    index = np.asarray(image)
    used = [int(value) for value in np.unique(index)]
    table = np.zeros((256, 3), np.uint8)
    stored = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    table[: len(stored)] = stored
    colours = table[used].astype(int)
    if not np.ptp(colours, axis=1).any():
        return _grey_palette(index, used, table[:, 0])
    if len(used) > FEW:
        what = f"a palette of {len(used)} colours: a photograph, or labels of many classes or instances?"
        return _unclear(to_luma(table[index]), what)
    return _palette_labels(index, used, [int(value) for value in colours @ (65536, 256, 1)])


def _grey_palette(index: np.ndarray, used: list[int], greys: np.ndarray) -> Reading:
    """Read indices (H, W) of a palette whose colours in use are `greys`, (256,) by index."""
    if len(used) == 2 and greys[used[0]] > greys[used[1]]:
        what = f"a palette in which index {used[0]} is lighter than {used[1]}, so that colour and index disagree"
        return _unclear(_object(index == used[0]), what)
    if used != [0, 1] or greys[1] >= 128:
        return _grey(greys[index])
    return Reading(_object(index == 1), note="palette index 1 is the object")


def _palette_labels(index: np.ndarray, used: list[int], packed: list[int]) -> Reading:
    """Read indices (H, W) as labels: those in use, at most sixteen, and their colours as packed RGB."""
    colours = dict(zip(used, packed, strict=True))
    if colours.get(0) != 0:
        black = [value for value, colour in colours.items() if colour == 0]
        why = f"index {black[0]} is black" if black else f"index 0 is {'not black' if 0 in colours else 'missing'}"
        return _unclear(_object(index != 0), f"palette indices {_listed(used)}, but {why}: which is the background?")
    void = [value for value, colour in colours.items() if value == VOID or colour == VOID_COLOUR]
    ids = [value for value in used if value and value not in void]
    if not ids:
        return _unclear(_object(index != 0), f"palette indices 0 and {void[0]}: the object, or undecided pixels?")
    certain = all(colours[value] == VOID_COLOUR for value in void)
    return _labelled(_object(np.isin(index, ids)), ids, bool(void), certain, "palette index")


def _transparent(image: Image.Image, lossy: bool) -> Reading:
    """Read a mask with transparency: the colours, unless these say nothing or are the photograph."""
    rgba = np.asarray(image.convert("RGBA"))
    colours, alpha = rgba[..., :3].reshape(-1, 3), rgba[..., 3]
    base = _opaque(image if image.mode == "P" else image.convert("L" if image.mode == "LA" else "RGB"), lossy)
    if alpha.min() == alpha.max() or alpha.min() >= OPAQUE:
        return base
    its = _grey(np.ascontiguousarray(alpha))
    if np.ptp(colours, axis=0).any():
        if np.array_equal(base.pixels >= 128, its.pixels >= 128):
            return base
        if not base.problem or len(np.unique(colours.astype(np.int64) @ (65536, 256, 1))) <= FEW:
            return _unclear(its.pixels, "transparency and colours mark different pixels")
    return its if its.problem else replace(its, note="opaque is the object, transparent the background")


def _deep(values: np.ndarray) -> Reading:
    """Read whole numbers of 16 or 32 bits, or floats."""
    values = values.astype(np.float64)
    blank = np.zeros(values.shape, np.uint8)
    if not np.isfinite(values).all():
        return _unclear(blank, "values that are not finite numbers")
    present = np.unique(values)
    low, high = present[0], present[-1]
    if low < 0:
        return _unclear(_object(values == high), f"values from {low:g} to {high:g}, negative ones among them")
    if high <= 1 and (present % 1).any():
        return _noted(_grey((values * 255).round().astype(np.uint8)), "floats from 0 to 1")
    if len(present) == 2:
        if low == 0 and high == 65535:
            return Reading(_object(values == high))
        return _two_values(values, low, high)
    if (present % 1).any() and high > 255:
        return _unclear(blank, f"floats from {low:g} to {high:g}")
    if high <= 255:
        return _noted(_grey(values.round().astype(np.uint8)), "values up to 255 in a file of more bits")
    if (high == 65535 and present[1] >= 2048) or (len(present) > FEW and 32768 <= high <= 65535):
        return _grey((values / 257).round().astype(np.uint8))
    if len(present) <= FEW:
        listed = _listed([f"{value:g}" for value in present])
        return _unclear(_object(values > low), f"values {listed}: several classes or instances?")
    return _unclear(blank, f"values from {low:g} to {high:g}, of which the white is not certain")


def _noted(reading: Reading, note: str) -> Reading:
    """Note in a reading how its depth was taken, too."""
    return (
        reading if reading.problem else replace(reading, note="; ".join(part for part in (note, reading.note) if part))
    )


def _listed(values: Sequence[Any]) -> str:
    """Write values for a message: "1, 2 and 7"; of many the first."""
    values = [str(value) for value in values]
    if len(values) > 6:
        return f"{', '.join(values[:6])} and {len(values) - 6} more"
    return f"{', '.join(values[:-1])} and {values[-1]}" if len(values) > 1 else values[0]
