"""How far the image that a detector saw is from the dataset's original: the size of the attack, or what purifying left.

Not the paper's; every score row has them. Of the purifier `source_only` they are about the degraded image itself.
"""

import numpy as np

from cosalpure.score.metrics import Metric, as_float

_INFINITE = float("inf")
QUALITY = {
    metric.name: metric
    for metric in (
        Metric(
            "psnr",
            "PSNR",
            "-10 log10 of the mean squared difference, dB; infinite for equal images",
            (0, _INFINITE),
            True,
            "scikit-image",
        ),
        Metric(
            "ssim",
            "SSIM",
            "structural similarity, windows of 7 x 7, mean over channels; undefined for images below 7 px",
            (-1, 1),
            True,
            "Wang et al., IEEE TIP 2004; scikit-image",
        ),
        Metric("linf", "L-infinity", "largest |image - original| of any value, of [0, 1]", (0, 1), False, ""),
        Metric(
            "exposure_change",
            "exposure",
            "log2 of the mean of the image over that of the original, both + 1/255: 1 is twice as bright",
            (-8, 8),
            False,  # closer to 0 is better
            "",
        ),
    )
}
WINDOW = 7  # px, scikit-image's default


def image_quality(image: np.ndarray, original: np.ndarray) -> dict[str, float]:
    """Compare two uint8 images (H, W, 3) of one size: {"psnr", "ssim", "linf", "exposure_change": float}."""
    from skimage.metrics import structural_similarity  # its module of PSNR loads SciPy's statistics, half a second

    error = np.mean((original.astype(np.float64) - image) ** 2)
    with np.errstate(divide="ignore"):  # equal images: their PSNR is infinite, and that is all right
        psnr = 10 * np.log10(255.0**2 / error)
    large = min(image.shape[:2]) >= WINDOW
    means = (as_float(pixels).mean(dtype=np.float64) + 1 / 255 for pixels in (image, original))
    return {
        "psnr": float(psnr),
        "ssim": float(structural_similarity(original, image, channel_axis=-1)) if large else float("nan"),
        "linf": float(np.abs(image.astype(np.int16) - original).max() / 255),
        "exposure_change": float(np.log2(next(means) / next(means))),
    }
