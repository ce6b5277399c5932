"""One object as a ground truth in every encoding: each function returns (suffix, bytes) of a file."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageFilter

S = 64
TRUE = np.zeros((S, S), bool)
TRUE[16:48, 16:32] = True
TRUE[16:48, 40:56] = True
LEFT, RIGHT = TRUE.copy(), TRUE.copy()
LEFT[:, 36:] = False
RIGHT[:, :36] = False
RIM = np.asarray(Image.fromarray(TRUE).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
RIM &= ~TRUE
PHOTO = np.random.default_rng(0).integers(0, 256, (S, S, 3), dtype=np.uint8)
ALPHA = TRUE * np.uint8(255)
SOFT = np.asarray(Image.fromarray(ALPHA).resize((4 * S, 4 * S), 0).rotate(3).resize((S, S), Image.Resampling.BOX))
BLURRED = np.asarray(Image.fromarray(ALPHA).filter(ImageFilter.GaussianBlur(1.5)))
VOC = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 255: (224, 224, 192)}
READ = None  # no problem: the object is right


def file(image, kind="PNG", **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return kind.lower().replace("jpeg", "jpg").replace("tiff", "tif"), content.getvalue()


def grey(values, kind="PNG", dtype=np.uint8, **options):
    return file(Image.fromarray(np.asarray(values).astype(dtype)), kind, **options)


def two(high, low=0, **options):
    return grey(np.where(TRUE, high, low), **options)


def labels(left, right, rim=0):
    return np.where(LEFT, left, 0) + np.where(RIGHT, right, 0) + np.where(RIM, rim, 0)


def palette(index, colours, **options):
    """`colours`: {index: (r, g, b)}."""
    image = Image.fromarray(np.asarray(index).astype(np.uint8))
    table = np.zeros((256, 3), np.uint8)
    for place, colour in colours.items():
        table[place] = colour
    image.putpalette(table.ravel().tolist())
    return file(image, **options)


def rgb(left, right, background=(0, 0, 0), rim=None, **options):
    pixels = np.empty((S, S, 3), np.uint8)
    pixels[:] = background
    pixels[LEFT], pixels[RIGHT] = left, right
    if rim:
        pixels[RIM] = rim
    return file(Image.fromarray(pixels), **options)


def rgba(colours, alpha):
    full = np.empty((S, S, 4), np.uint8)
    full[..., :3], full[..., 3] = colours, alpha
    return file(Image.fromarray(full))


def png16(values):
    """uint16 (S, S, 3) -> a 16-bit RGB PNG, which Pillow cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", S, S, 16, 2, 0, 0, 0))
    return "png", b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def swapped():
    return palette(TRUE, {0: (255, 255, 255), 1: (0, 0, 0)})


def noisy():
    """Black and white with the noise of a lossy format, in a lossless one."""
    _, content = two(255, kind="JPEG", quality=40)
    return file(Image.open(io.BytesIO(content)))


def specks():
    values = np.where(TRUE, 255, 0)
    values[3, ::20] = 1
    return grey(values)


def many_labels():
    """Twenty-five classes in blocks, and a void line."""
    values = np.arange(S)[:, None] // 13 * 5 + np.arange(S) // 13
    values[:, 30:32] = 255
    return grey(values)


def gradient():
    y, x = np.mgrid[:S, :S]
    return grey(255 * np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 800))


def transparent_palette():
    return palette(TRUE, {0: (0, 0, 0), 1: (200, 0, 0)}, transparency=0)


WHITE3 = np.repeat(ALPHA[..., None], 3, 2)
ENCODINGS = {  # name: (file, READ or what the problem says)
    # the ordinary ones
    "grey 0/255": (lambda: two(255), READ),
    "bilevel": (lambda: file(Image.fromarray(TRUE)), READ),
    "bilevel TIFF": (lambda: file(Image.fromarray(TRUE), "TIFF"), READ),
    "RGB 0/255": (lambda: file(Image.fromarray(WHITE3)), READ),
    "JPEG q75": (lambda: two(255, kind="JPEG"), READ),
    "JPEG q30, RGB": (lambda: file(Image.fromarray(WHITE3), "JPEG", quality=30), READ),
    "lossy WebP": (lambda: file(Image.fromarray(WHITE3), "WEBP", quality=50), READ),
    "BMP": (lambda: file(Image.fromarray(WHITE3), "BMP"), READ),
    "JPEG noise in a PNG": (noisy, READ),
    "0/254": (lambda: two(254), READ),
    "3/250": (lambda: two(250, 3), READ),
    "specks of 1": (specks, READ),
    "CMYK TIFF": (lambda: file(Image.fromarray(WHITE3).convert("CMYK"), "TIFF"), READ),
    # two values
    "0/128": (lambda: two(128), READ),
    "0/127": (lambda: two(127), READ),
    "0/1": (lambda: two(1), READ),
    "0/200": (lambda: two(200), READ),
    "50/255": (lambda: two(255, 50), READ),
    "1/2, MATLAB": (lambda: two(2, 1), READ),
    "128/255": (lambda: two(255, 128), READ),
    "RGB 0/1": (lambda: file(Image.fromarray(WHITE3 // 255)), READ),
    "lossless WebP 0/1": (lambda: file(Image.fromarray(WHITE3 // 255), "WEBP", lossless=True), READ),
    "lossy WebP 0/40": (lambda: file(Image.fromarray(WHITE3 // 6), "WEBP", quality=80), "unclear mask: "),
    "JPEG 0/1": (lambda: two(1, kind="JPEG"), "mask: "),
    "JPEG 0/60": (lambda: two(60, kind="JPEG"), "unclear mask: "),
    "0/127 with soft edges": (lambda: grey(SOFT // 2), "unclear mask: greys from 0 to 127"),
    "inverted": (lambda: two(0, 255), "inverted mask? 100%"),
    "inverted, bilevel": (lambda: file(Image.fromarray(~TRUE)), "inverted mask? 100%"),
    "inverted, JPEG": (lambda: two(0, 255, kind="JPEG"), "inverted mask? 100%"),
    "inverted 2/1": (lambda: two(1, 2), "values 1 and 2: which is the object?"),
    "inverted 0/1": (lambda: two(0, 1), "inverted mask? 100%"),
    # more values
    "trimap 0/128/255": (lambda: grey(ALPHA + RIM * 128), "values 0, 128 and 255: labels, or undecided pixels?"),
    "trimap in JPEG": (lambda: grey(np.where(LEFT, 128, ALPHA), "JPEG"), "a third level near 128"),
    "trimap 1/2/3": (lambda: grey(np.where(TRUE, 1, np.where(RIM, 3, 2))), "values 1, 2 and 3"),
    "instances 1 and 2": (lambda: grey(labels(1, 2)), "values 1 and 2 beside the background"),
    "instances 100 and 200": (lambda: grey(labels(100, 200)), "values 0, 100 and 200"),
    "instances in JPEG": (lambda: grey(labels(110, 230), "JPEG"), "unclear mask: a third level"),
    "class 15 and void": (lambda: grey(labels(15, 15, 255)), READ),
    "0, 1 and a thick 255": (lambda: grey(labels(1, 255)), "values 0, 1 and 255: which is the object?"),
    "many labels and void": (many_labels, "labels of many objects?"),
    "soft edges, enlarged": (lambda: grey(np.kron(BLURRED[::2, ::2], np.ones((2, 2)))), READ),
    "soft map": (gradient, "neither black nor white: a photograph or a soft map?"),
    "grey photo": (lambda: grey(PHOTO[..., 0]), "neither black nor white: a photograph or a soft map?"),
    "photo": (lambda: file(Image.fromarray(PHOTO)), "a photograph, or labels of many or blurred colours?"),
    "all white": (lambda: grey(np.full((S, S), 255)), "full mask"),
    "all black": (lambda: grey(np.zeros((S, S))), "empty mask"),
    "all 1": (lambda: grey(np.ones((S, S))), "unclear mask: 1 everywhere"),
    # other depths
    "16-bit 0/65535": (lambda: two(65535, dtype=np.uint16), READ),
    "16-bit 0/255": (lambda: two(255, dtype=np.uint16), READ),
    "16-bit 0/1": (lambda: two(1, dtype=np.uint16), READ),
    "16-bit 0/4095": (lambda: two(4095, dtype=np.uint16), READ),
    "16-bit TIFF 0/255": (lambda: two(255, dtype=np.uint16, kind="TIFF"), READ),
    "int32 0/255": (lambda: two(255, dtype=np.int32, kind="TIFF"), READ),
    "int32 0/65535": (lambda: two(65535, dtype=np.int32, kind="TIFF"), READ),
    "int32 id 26001": (lambda: two(26001, dtype=np.int32, kind="TIFF"), READ),
    "int32 -1/1": (lambda: two(1, -1, dtype=np.int32, kind="TIFF"), "negative ones among them"),
    "float 0/1": (lambda: two(1, dtype=np.float32, kind="TIFF"), READ),
    "float 0/255": (lambda: two(255, dtype=np.float32, kind="TIFF"), READ),
    "float NaN": (lambda: two(1, np.nan, dtype=np.float32, kind="TIFF"), "values that are not finite numbers"),
    "16-bit instances": (lambda: grey(labels(1, 2), dtype=np.uint16), "values 1 and 2 beside the background"),
    "16-bit ids": (lambda: grey(labels(26001, 26002), dtype=np.uint16), "values 0, 26001 and 26002"),
    "16-bit 0 to 5000": (lambda: grey(SOFT * 20.0, dtype=np.uint16), "the white is not certain"),
    "16-bit RGB 0/65535": (lambda: png16(WHITE3.astype(np.uint16) * 257), READ),
    "16-bit RGB 0/255": (lambda: png16(WHITE3.astype(np.uint16)), "16 bits a channel, but no value above 511"),
    # palettes
    "palette, black and white": (lambda: palette(TRUE, {1: (255, 255, 255)}), READ),
    "palette, white and black": (swapped, "index 0 is lighter than 1"),
    "palette, dark grey": (lambda: palette(TRUE, {1: (1, 1, 1)}), READ),
    "palette, red": (lambda: palette(TRUE, {1: (255, 0, 0)}), READ),
    "VOC, classes 1 and 2": (lambda: palette(labels(1, 2), VOC), "palette indices 1 and 2 beside the background"),
    "VOC, classes 1 and 15": (lambda: palette(labels(1, 15), VOC), "several classes or instances?"),
    "VOC, class 1, void": (lambda: palette(labels(1, 1, 255), VOC), READ),
    "VOC, class 15, void": (lambda: palette(labels(15, 15, 255), VOC), READ),
    "VOC, void renumbered": (lambda: palette(labels(1, 1, 2), VOC | {2: VOC[255]}), READ),
    "VOC, void only": (lambda: palette(TRUE * 255, VOC), "palette indices 0 and 255: the object, or undecided"),
    "palette, 255 of another colour": (lambda: palette(labels(1, 1, 255), {1: (255, 0, 0), 255: (0, 0, 255)}), "which"),
    "palette by frequency": (lambda: palette(~TRUE, {0: (255, 0, 0), 1: (0, 0, 0)}), "index 1 is black"),
    "palette, white background": (lambda: palette(TRUE, {0: (255,) * 3, 1: (255, 0, 0)}), "index 0 is not black"),
    "palette, 1 and 2": (lambda: palette(TRUE + 1, VOC), "index 0 is missing"),
    "palette of a photo": (lambda: file(Image.fromarray(PHOTO).quantize(200)), "a palette of 200 colours"),
    "palette, see-through": (transparent_palette, READ),
    # colours
    "red": (lambda: rgb((255, 0, 0), (255, 0, 0)), READ),
    "red and green": (lambda: rgb((255, 0, 0), (0, 255, 0)), "colours #00ff00 and #ff0000 on black"),
    "blue and white": (lambda: rgb((0, 0, 255), (255, 255, 255)), "several classes or instances?"),
    "VOC's colours and void": (lambda: rgb(VOC[1], VOC[1], rim=VOC[255]), READ),
    "red on white": (lambda: rgb((255, 0, 0), (255, 0, 0), (255, 255, 255)), "none of which is black"),
    "red in JPEG": (lambda: rgb((255, 0, 0), (255, 0, 0), kind="JPEG"), "a photograph, or labels"),
    # transparency
    "RGBA, opaque": (lambda: rgba(WHITE3, 255), READ),
    "RGBA, half transparent": (lambda: rgba(WHITE3, 128), READ),
    "RGBA, all transparent": (lambda: rgba(WHITE3, 0), READ),
    "RGBA, white": (lambda: rgba(255, ALPHA), READ),
    "RGBA, black": (lambda: rgba(0, ALPHA), READ),
    "RGBA, alpha 0/1": (lambda: rgba(0, ALPHA // 255), READ),
    "RGBA, photo": (lambda: rgba(PHOTO, ALPHA), READ),
    "RGBA, photo cut out": (lambda: rgba(PHOTO * TRUE[..., None], ALPHA), READ),
    "RGBA, white cut out": (lambda: rgba(WHITE3, ALPHA), READ),
    "RGBA, red cut out": (lambda: rgba(WHITE3 * [1, 0, 0], ALPHA), READ),
    "RGBA, black on white": (lambda: rgba(255 - WHITE3, ALPHA), "transparency and colours mark different pixels"),
    "RGBA, object transparent": (lambda: rgba(PHOTO, 255 - ALPHA), "inverted mask? 100%"),
    "LA, white": (lambda: file(Image.merge("LA", (Image.new("L", (S, S), 255), Image.fromarray(ALPHA)))), READ),
    "LA, opaque": (lambda: file(Image.merge("LA", (Image.fromarray(ALPHA), Image.new("L", (S, S), 255)))), READ),
    "two pages": (
        lambda: file(Image.fromarray(ALPHA), "TIFF", save_all=True, append_images=[Image.fromarray(255 - ALPHA)]),
        "2 pictures in one file",
    ),
}
