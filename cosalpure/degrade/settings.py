"""Settings of degradations."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from cosalpure.schema import Model


class NothingSettings(Model):
    """No degradation: the clean reference."""


class JadenaSettings(Model):
    """Jadena, joint adversarial exposure and noise (Gao et al., CVPR 2022); defaults of its `attack.ipynb`."""

    surrogate: str = Field("weights/resneta50b-0556-7cedbb3b.pth.zip", description="feature extractor's weights")
    surrogate_network: Literal["resneta50b", "gicd", "gcagc", "poolnet"] = Field(
        "resneta50b", description="what the weights are of; of a detector, its backbone is attacked"
    )
    mixed_precision: bool = Field(False, description="compute the surrogate in bfloat16; on a GPU only")
    variant: Literal["augment", "single", "group"] = Field("augment", description="views that the loss looks at")
    steps: Annotated[int, Field(ge=0, le=1000)] = Field(20, description="sign-gradient updates")
    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="bound of the noise, of [0, 1]")
    noise_step: Annotated[float, Field(ge=0)] = Field(1 / 255, description="step of the noise, of [0, 1]")
    exposure_step: Annotated[float, Field(ge=0)] = Field(0.1, description="step of the exposure coefficients")
    flow_step: Annotated[float, Field(ge=0)] = Field(0.01, description="step of the exposure's warping flow")
    momentum: Annotated[float, Field(ge=0)] = Field(1.0, description="weight of earlier gradients")
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="degree of the exposure polynomial")
    lambda_exposure: Annotated[float, Field(ge=0)] | None = Field(
        None, description="penalty on the exposure field; null is the variant's own: 0.01, for single 0.5"
    )
    lambda_flow: Annotated[float, Field(ge=0)] = Field(0.01, description="penalty on the flow's differences")
    images_per_batch: PositiveInt = Field(
        8,
        description="images of a group that are attacked in one batch; 1 attacks one by one. In float32 the batch changes "
        "rounding, and sign steps amplify that: an attacked image can differ",
    )


class RandomNoiseSettings(Model):
    """Control: random noise of the attack's own bound, without its direction."""

    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="bound of the noise, of [0, 1]")
    distribution: Literal["sign", "uniform"] = Field(
        "sign", description="sign: every value moves by the whole bound, the strongest noise within it"
    )


class RandomExposureSettings(Model):
    """Control: a smooth random exposure, of the attack's own polynomial and strength."""

    strength: Annotated[float, Field(ge=0)] = Field(
        0.5, description="root mean square of the log of the factor on the brightness"
    )
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="degree of the exposure polynomial")


class JpegSettings(Model):
    """Control: written as a JPEG file and read again."""

    quality: Annotated[int, Field(ge=1, le=95)] = Field(75, description="JPEG quality")


class BlurSettings(Model):
    """Control: Gaussian blur."""

    sigma: Annotated[float, Field(ge=0)] = Field(1.0, description="of the Gaussian, px")


class ResizeSettings(Model):
    """Control: shrunk and enlarged again, bicubic."""

    factor: Annotated[float, Field(gt=0, le=1)] = Field(0.5, description="side of the small image, of the image's")


# ImageNet-C's, by family: a file each in cosalpure/degrade/corruptions/
CORRUPTIONS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}


class CorruptionSettings(Model):
    """A common corruption of ImageNet-C (Hendrycks and Dietterich, ICLR 2019); `docs/explanation/degradations.md`."""

    severity: Annotated[int, Field(ge=1, le=5)] = Field(3, description="1 to 5, as published")
    scale_with_size: bool = Field(
        True, description="lengths in px grow and shrink with the image's shorter side over the published 224"
    )


# Those of CORRUPTIONS that draw nothing
FIXED_CORRUPTIONS = (
    "defocus_blur",
    "zoom_blur",
    "gaussian_blur",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
    "saturate",
)
