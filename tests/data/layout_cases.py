"""Folders as people have them, what is read of each, and what is said."""

import io

import numpy as np
from PIL import Image

NAMES = {"jpg": "JPEG", "jpeg": "JPEG", "jfif": "JPEG", "jpe": "JPEG", "png": "PNG", "tif": "TIFF", "gif": "GIF"}
NAMES |= {"bmp": "BMP", "webp": "WEBP", "ppm": "PPM"}


def photo(name, values=256):
    """The bytes of a photograph of its own, by its name."""
    pixels = np.random.default_rng(sum(name.encode())).integers(0, values, (40, 40, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), name)


def mask(name, values=(0, 255)):
    pixels = np.full((40, 40), values[0], np.uint8)
    pixels[10:30, 5 : 20 + sum(name.encode()) % 10] = values[1]
    return saved(Image.fromarray(pixels), name)


def saved(image, name):
    file = io.BytesIO()
    image.save(file, NAMES.get(name.rpartition(".")[2].lower(), "JPEG"))
    return file.getvalue()


def files(photos="", masks="", other=""):
    """{path: bytes}: paths apart by blanks, `|` stands for a blank in a name; "/" at the end is an empty folder."""
    made = {path.replace("|", " "): photo(path) for path in photos.split()}
    made |= {path.replace("|", " "): mask(path) for path in masks.split()}
    return made | {path.replace("|", " "): b"" if path.endswith("/") else b"other bytes" for path in other.split()}


LITTER = "image/g/Thumbs.db image/g/.DS_Store image/g/desktop.ini image/g/._a.jpg image/g/ehthumbs.db image/g/sums.txt "
LITTER += "__MACOSX/image/g/._a.jpg gt/g/Thumbs.db image/@eaDir/a.jpg image/g/@eaDir/a.jpg image/g/.cache/a.jpg "
LITTER += "README LICENSE image/g/a.json image/README.md gt/.gitkeep"
PAIR = {"photos": "image/g/a.jpg image/g/b.jpg", "masks": "gt/g/a.png gt/g/b.png"}
BOTH = "g/a+ g/b+"  # a group and the names of its images, "+" with ground truth, "-" without
CASES = {  # name: (files, what is read under `skip`, what is said; empty: nothing, and `strict` goes through)
    "plain": (files(**PAIR), BOTH, ""),
    "litter": (files(**PAIR, other=LITTER), BOTH, ""),
    # read
    "VOC's names": (
        files("JPEGImages/a.jpg JPEGImages/b.jpg", "SegmentationClass/a.png SegmentationClass/b.png"),
        "in/a+ in/b+",
        "",
    ),
    "VOC's names and boxes": (
        files(
            "JPEGImages/g/a.jpg JPEGImages/g/b.jpg",
            "SegmentationClass/g/a.png SegmentationClass/g/b.png",
            "Annotations/a.xml",
        ),
        BOTH,
        "",
    ),
    "images, annotations": (
        files("images/g/a.jpg images/g/b.jpg", "annotations/g/a.png annotations/g/b.png"),
        BOTH,
        "",
    ),
    "images, labels": (files("images/g/a.jpg images/g/b.jpg", "labels/g/a.png labels/g/b.png"), BOTH, ""),
    "rgb, Mask": (files("rgb/g/a.jpg rgb/g/b.jpg", "Mask/g/a.png Mask/g/b.png"), BOTH, ""),
    "Photos, Ground Truth": (
        files("Photos/g/a.jpg Photos/g/b.jpg", "Ground|Truth/g/a.png Ground|Truth/g/b.png"),
        BOTH,
        "",
    ),
    "imgs, segmentations": (
        files("imgs/g/a.jpg imgs/g/b.jpg", "segmentations/g/a.png segmentations/g/b.png"),
        BOTH,
        "",
    ),
    "DAVIS": (
        files("JPEGImages/480p/g/a.jpg JPEGImages/480p/g/b.jpg", "Annotations/480p/g/a.png Annotations/480p/g/b.png"),
        BOTH,
        "",
    ),
    "FSS, one group": (files("g/image/a.jpg g/image/b.jpg", "g/label/a.png g/label/b.png"), BOTH, ""),
    "two folders around": (files("x/y/image/g/a.jpg x/y/image/g/b.jpg", "x/y/gt/g/a.png x/y/gt/g/b.png"), BOTH, ""),
    "suffixes in upper case": (files("image/g/a.JPG image/g/b.Jpeg", "gt/g/a.PNG gt/g/B.png"), BOTH, ""),
    ".jfif and .jpe": (files("image/g/a.jfif image/g/b.jpe", "gt/g/a.png gt/g/b.png"), BOTH, ""),
    "masks are JPEG": (files("image/g/a.jpg image/g/b.jpg", "gt/g/a.jpg gt/g/b.jpg"), BOTH, ""),
    "masks a.jpg.png": (files("image/g/a.jpg image/g/b.jpg", "gt/g/a.jpg.png gt/g/b.jpg.png"), BOTH, ""),
    "masks a_mask.png": (files("image/g/a.jpg image/g/b.jpg", "gt/g/a_mask.png gt/g/b_mask.png"), BOTH, ""),
    "masks a-gt.png": (files("image/g/a.jpg image/g/b.jpg", "gt/g/a-gt.png gt/g/b-GT.png"), BOTH, ""),
    "masks mask_a.png": (files("image/g/a.jpg image/g/b.jpg", "gt/g/mask_a.png gt/g/mask_b.png"), BOTH, ""),
    "masks a_groundtruth.png": (
        files("image/g/a.jpg image/g/b.jpg", "gt/g/a_groundtruth.png gt/g/b|mask.png"),
        BOTH,
        "",
    ),
    "names that differ by case": (files("image/g/a.jpg image/g/A.jpg", "gt/g/a.png gt/g/A.png"), "g/A+ g/a+", ""),
    "groups that differ by case": (
        files(
            "image/Dog/a.jpg image/Dog/b.jpg image/dog/c.jpg image/dog/d.jpg",
            "gt/Dog/a.png gt/Dog/b.png gt/dog/c.png gt/dog/d.png",
        ),
        "Dog/a+ Dog/b+ dog/c+ dog/d+",
        "",
    ),
    "dots and blanks": (
        files("image/g/a.b.c.jpg image/g/a.b|.jpg", "gt/g/a.b.c.png gt/g/a.b|.png"),
        "g/a.b + g/a.b.c+",
        "",
    ),
    "no ground truth": (files("g/a.jpg g/b.jpg"), "g/a- g/b-", ""),
    # masks among the photos
    "masks beside photos": (
        files("g/a.jpg g/b.jpg", "g/a.png g/b.png"),
        "g/a- g/b-",
        "g/a.png: mask among the images?",
    ),
    "masks beside photos, _mask": (files("g/a.jpg g/b.jpg", "g/a_mask.png g/b_mask.png"), BOTH, ""),
    "masks beside photos, -seg": (files("g/a.jpg g/b.jpg", "g/a-seg.png g/b-seg.png"), BOTH, ""),
    "masks beside photos, JPEG": (files("g/a.png g/b.png", "g/a_gt.jpg g/b_gt.jpg"), BOTH, ""),
    "masks beside photos, loose": (files("a.jpg b.jpg", "a_mask.png b_gt.png"), "in/a+ in/b+", ""),
    "a mask beside one photo of two": (
        files("g/a.jpg g/b.jpg", "g/a_mask.png"),
        "g/a- g/b-",
        "g/a_mask.png: not read: the mask of a.jpg by its name, while b.jpg has none",
    ),
    "a folder of masks beside groups": (
        files("cat/a.jpg dog/b.jpg", "masks/a.png masks/b.png"),
        None,
        "masks/ is a folder of ground truth by its name, not a group of photos; accepted layouts: ",
    ),
    "a folder of masks alone": (files(masks="gt/cat/a.png gt/cat/b.png"), None, "gt/ is a folder of ground truth"),
    "masks in a folder of its own name": (
        files("x/a.jpg x/b.jpg", "silhouette/a.png silhouette/b.png"),
        None,
        "silhouette/a.png: mask among the images?",
    ),
    "one mask in a group of its own": (
        files("cat/a.png", "cat_gt/a.jpg"),
        None,
        "cat_gt/ is a folder of ground truth of cat/ by its name, not a group of photos",
    ),
    "a group of masks only": (files(masks="g/a.png g/b.png"), None, "g/a.png: mask among the images?"),
    "a group of masks only, JPEG": (files(masks="g/a.jpg g/b.jpg"), None, "g/a.jpg: mask among the images?"),
    "masks inside the group": (
        files("g/a.jpg g/b.jpg", "g/GroundTruth/a.png g/GroundTruth/b.png"),
        "g/a- g/b-",
        "g/GroundTruth/: not read: a folder of masks inside a group (2)",
    ),
    "a pair inside each of two groups": (
        files("g/image/a.jpg h/image/a.jpg", "g/label/a.png h/label/a.png"),
        None,
        "several datasets in one place (g, h)",
    ),
    "a pair inside one of three groups": (
        files("cat/a.jpg cow/a.jpg dog/images/dog/a.jpg", "dog/masks/dog/a.png"),
        None,
        "images and ground truth lie in dog, other images beside it (cat, cow)",
    ),
    "folders of unknown names": (
        files("Pascal/g/a.jpg", "eval_pascal/g/a.png"),
        None,
        "no images (they lie in folders inside Pascal",
    ),
    # files that are not read
    ".heic": (files("g/a.jpg g/b.jpg", other="g/c.heic"), "g/a- g/b-", "g/c.heic: not read: a file of kind heic"),
    ".ppm": (files("g/a.jpg g/b.jpg g/c.ppm"), "g/a- g/b-", "g/c.ppm: not read"),
    ".gif": (files("g/a.jpg g/b.jpg g/c.gif"), "g/a- g/b-", "g/c.gif: not read"),
    ".mp4": (files("g/a.jpg g/b.jpg", other="g/c.mp4"), "g/a- g/b-", "g/c.mp4: not read"),
    ".jpg_large": (files("g/a.jpg g/b.jpg g/c.jpg_large"), "g/a- g/b-", "g/c.jpg_large: not read"),
    "no suffix": (files("g/a.jpg g/b.jpg g/c"), "g/a- g/b-", "g/c: not read: a file without a suffix"),
    "hidden photo": (files("g/a.jpg g/b.jpg g/.c.jpg"), "g/a- g/b-", "g/.c.jpg: not read: a hidden file"),
    "hidden folder": (files("g/a.jpg g/b.jpg g/.more/c.jpg"), "g/a- g/b-", "g/.more/: not read: a hidden folder"),
    "hidden folder of groups": (
        files("g/a.jpg g/b.jpg h/c.jpg h/d.jpg .i/e.jpg"),
        "g/a- g/b- h/c- h/d-",
        ".i/: not read",
    ),
    "folder in a group": (
        files("g/a.jpg g/b.jpg g/more/c.jpg"),
        "g/a- g/b-",
        "g/more/: not read: a folder inside a group (1 image)",
    ),
    "folder in a group's folder": (
        files("g/a.jpg g/b.jpg h/more/c.jpg"),
        "g/a- g/b-",
        "h: no images in this folder; folders inside it hold 1 image",
    ),
    "empty folder": (files(**PAIR, other="image/h/"), BOTH, "h: no images in this folder"),
    "folder of .ppm": (files("g/a.jpg g/b.jpg h/c.ppm"), "g/a- g/b-", "h: no images in this folder; not read: c.ppm"),
    "photos are .heic": (files(masks="gt/g/a.png", other="image/g/a.heic"), None, "g/a.heic: not read"),
    "masks are .npy": (files("image/g/a.jpg", other="gt/g/a.npy"), None, "g/a.npy: not read: a file of kind npy"),
    "masks are .json": (files("image/g/a.jpg", other="gt/g/a.json"), None, "g/a.json: not read"),
    "masks are .gif": (files("image/g/a.jpg", "gt/g/a.gif"), None, "g/a.gif: not read"),
    # pairs that do not fit
    "masks numbered otherwise": (
        files("image/g/1.jpg", "gt/g/001.png"),
        None,
        "give each ground truth the name of its image",
    ),
    "two photos of one name": (
        files("image/g/a.jpg image/g/a.png", "gt/g/a.png"),
        "g/a+ g/a+",
        "g/a.png: shared ground truth",
    ),
    "two masks of one name": (
        files("image/g/a.jpg image/g/b.jpg", "gt/g/a.png gt/g/a.bmp gt/g/b.png"),
        BOTH,
        "no image; another",
    ),
    "one mask for two cases": (files("image/g/a.jpg image/g/A.jpg", "gt/g/a.png"), "g/a+", "g/A.jpg: no ground truth"),
    "mask of no group": (files(**PAIR | {"masks": PAIR["masks"] + " gt/c.png"}), BOTH, "c.png: no image"),
    "group of masks alone": (files(**PAIR | {"masks": PAIR["masks"] + " gt/h/c.png"}), BOTH, "h/c.png: no image"),
    "a third folder of images": (
        files(**PAIR, other="edges/a.png"),
        BOTH,
        "edges/: not read: a folder beside image and gt (1 image)",
    ),
    "an image beside both": (
        files(**PAIR, other="preview.png"),
        BOTH,
        "preview.png: not read: it lies beside image and gt",
    ),
    "COCO's annotations": (
        files("images/a.jpg images/b.jpg", other="annotations.json"),
        "images/a- images/b-",
        "annotations.json: not read: a file of kind json",
    ),
    "a .heic beside both": (files(**PAIR, other="c.heic"), BOTH, "c.heic: not read"),
    "images outside": (files("x/image/g/a.jpg y/b.jpg", "x/gt/g/a.png"), None, "other images beside it (y)"),
    # nothing to do
    "empty": (files(other="g/"), None, "no images"),
    "texts only": (files(other="g/a.txt README.md"), None, "no images"),
    "broken only": (files(other="g/a.jpg g/b.jpg"), None, "no usable image (g/a.jpg: not a readable image"),
}
