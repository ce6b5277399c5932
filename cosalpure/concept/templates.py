"""Named sets of captions for concept learning. `{token}` is the placeholder of the learned word.

`imagenet_objects` holds the 27 templates of textual inversion (Gal et al., ICLR 2023, `imagenet_templates_small`), from
which CosalPure's official script draws one a step. `paper` is the caption of the paper's text (Sec. 4.2).
"""

IMAGENET_OBJECTS = (
    "a photo of a {token}",
    "a rendering of a {token}",
    "a cropped photo of the {token}",
    "the photo of a {token}",
    "a photo of a clean {token}",
    "a photo of a dirty {token}",
    "a dark photo of the {token}",
    "a photo of my {token}",
    "a photo of the cool {token}",
    "a close-up photo of a {token}",
    "a bright photo of the {token}",
    "a cropped photo of a {token}",
    "a photo of the {token}",
    "a good photo of the {token}",
    "a photo of one {token}",
    "a close-up photo of the {token}",
    "a rendition of the {token}",
    "a photo of the clean {token}",
    "a rendition of a {token}",
    "a photo of a nice {token}",
    "a good photo of a {token}",
    "a photo of the nice {token}",
    "a photo of the small {token}",
    "a photo of the weird {token}",
    "a photo of the large {token}",
    "a photo of a cool {token}",
    "a photo of a small {token}",
)
TEMPLATES = {"imagenet_objects": IMAGENET_OBJECTS, "paper": ("a photo of {token}",)}
