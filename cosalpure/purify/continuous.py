"""The continuous representation (CR) of images: perturbations smoothed away, at the resolution that diffusion wants.

The paper's Sec. 4.3 puts it in front of the autoencoder, X~ = CR(X); alone it is the paper's ablation "w/o concept
inversion" (Table 3). The network is LIIF on EDSR, trained from attacked to clean images (`cosalpure/train/liif.py`),
as DISCO (Ho and Vasconcelos, NeurIPS 2022) proposed.
"""

from torch import Tensor
from torch.nn import functional as F

from cosalpure.networks.representation import ContinuousRepresentation
from cosalpure.protocols import NOTHING, Given
from cosalpure.purify.settings import ContinuousSettings


class Continuous:
    """Answer at `settings.resolution`, then resize to the images' size."""

    def __init__(self, settings: ContinuousSettings):
        self.resolution = settings.resolution
        self.represent = ContinuousRepresentation(settings.weights)

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Purify images (N, 3, H, W), RGB, [0, 1]."""
        purified: Tensor = self.represent(images, (self.resolution, self.resolution))
        if purified.shape == images.shape:
            return purified
        return F.interpolate(purified, images.shape[-2:], mode="bicubic", antialias=True).clamp(0, 1)
