"""Settings of degradations."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, WithJsonSchema, model_validator

from cosalpure.chosen import Chosen
from cosalpure.schema import SPEED, Model

# As a file has it, the name of an entry
Named = Annotated[Chosen | None, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})]


class NothingSettings(Model):
    """No degradation: the clean reference."""


class JadenaSettings(Model):
    """Jadena, an attack by adversarial exposure and noise (Gao et al., CVPR 2022). Defaults: the official `attack.ipynb`."""

    surrogate: str = Field(
        "weights/resneta50b-0556-7cedbb3b.pth.zip", description="Weights of the network that is attacked."
    )
    surrogate_network: Literal["resneta50b", "gicd", "gcagc", "poolnet", "gconet_plus", "mccl"] = Field(
        "resneta50b", description="Architecture of the surrogate. If it is a detector, its backbone is attacked."
    )
    mixed_precision: bool = Field(False, description="Compute the surrogate in bfloat16. This needs a GPU.")
    variant: Literal["augment", "single", "group"] = Field(
        "augment",
        description="Images whose common features the loss takes, beside the image itself. augment: its flips and quarter "
        "turns. group: images of the same group. single: none.",
    )
    steps: Annotated[int, Field(ge=0, le=1000)] = Field(20, description="Number of sign-gradient steps.")
    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(
        16 / 255, description="L-infinity bound of the noise, for images in [0, 1]."
    )
    noise_step: Annotated[float, Field(ge=0)] = Field(
        1 / 255, description="Step size of the noise, for images in [0, 1]."
    )
    exposure_step: Annotated[float, Field(ge=0)] = Field(0.1, description="Step size of the exposure coefficients.")
    flow_step: Annotated[float, Field(ge=0)] = Field(0.01, description="Step size of the flow that warps the exposure.")
    momentum: Annotated[float, Field(ge=0)] = Field(1.0, description="Weight of earlier gradients.")
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="Degree of the exposure polynomial.")
    lambda_exposure: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Penalty on the exposure. null: 0.5 for the variant single, and 0.01 for the others."
    )
    lambda_flow: Annotated[float, Field(ge=0)] = Field(0.01, description="Penalty on the differences of the flow.")
    images_per_batch: PositiveInt = Field(
        1,
        description="Number of images of a group that are attacked in one batch. It changes rounding, which sign steps amplify, "
        "so that an attacked image can differ. 1: attack each image alone, as the official code does.",
    )


class PGDSettings(Model):
    """Projected gradient descent by an attacker who knows the detector, and perhaps the purifier."""

    detector: Named = Field(
        None, description="Name of the detector that is attacked. null: the detector of each condition."
    )
    purifier: Named = Field(
        None,
        description="Name of the purifier that the attacker knows. null: the purifier of each condition. Not used by blind.",
    )
    gradient: Literal["blind", "bpda", "full"] = Field(
        "full",
        description="blind: gradient of the detector alone. bpda: gradient of the detector at the purified images, with the "
        "purifier's gradient taken for the identity. full: gradient of purifier and detector.",
    )
    attack_steps: PositiveInt | None = Field(
        None, description="Denoising steps of the purifier during the attack. null: as many as the purifier takes."
    )
    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="Bound of the noise, of [0, 1].")
    steps: Annotated[int, Field(ge=0, le=10000)] = Field(40, description="Number of sign-gradient updates.")
    step_size: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Step of the noise, of [0, 1]. null: an eighth of epsilon."
    )
    exposure: Annotated[float, Field(ge=0)] = Field(
        0, description="Bound of the log of a smooth factor on the brightness (Jadena's polynomial). 0: none."
    )
    exposure_step: Annotated[float, Field(gt=0)] = Field(0.1, description="Step of the exposure's coefficients.")
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="Degree of the exposure polynomial.")
    eot: PositiveInt = Field(
        1,
        description="Draws of the purifier's noise that a gradient is averaged over (expectation over transformation).",
    )
    fixed_noise: bool = Field(
        False, description="The attacker knows the noise that the purifier will draw, and attacks that alone."
    )
    loss: Literal["bce", "soft_iou"] = Field(
        "bce",
        description="bce: cross-entropy with the inverted ground truth, weighted as in SegPGD. soft_iou: overlap of map and "
        "ground truth.",
    )
    over: Literal["attacked", "all"] = Field(
        "attacked", description="Images whose maps are in the loss: the attacked ones, or all of the group."
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="Iterate that is kept. best: of those at a quarter, a half, three quarters and the end, the one with the "
        "lowest loss, averaged over `check_draws` fresh draws.",
    )
    check_draws: PositiveInt = Field(4, description="Draws by which `best` chooses.")
    recompute: bool = Field(
        False,
        description="Run diffusion networks again in the backward pass: less memory, more time, equal gradients.",
        json_schema_extra=SPEED,
    )

    @property
    def known(self) -> Chosen | None:
        """The purifier whose result the attacker looks at."""
        return None if self.gradient == "blind" else self.purifier

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.detector and not self.detector.registered.differentiable:
            raise ValueError(
                f"detector: '{self.detector.method}' is not declared as differentiable, so that it can be attacked only "
                "by what was made against another detector"
            )
        purifier = self.known
        if purifier is None:
            return self
        if self.gradient == "full" and not purifier.registered.differentiable:
            raise ValueError(
                f"gradient: 'full' needs a differentiable purifier, and '{purifier.method}' is not declared as one; "
                "take bpda or blind"
            )
        check_known(purifier)
        if self.attack_steps and not {"steps", "timestep"} <= set(type(purifier.checked).model_fields):
            raise ValueError(f"attack_steps: '{purifier.method}' has no setting `steps`")
        if self.attack_steps and getattr(purifier.checked, "sampler", None) == "ddpm":
            raise ValueError(
                "attack_steps: the purifier's sampler 'ddpm' takes every step; leave it out, or take dpmsolver++"
            )
        return self


class RandomNoiseSettings(Model):
    """Control: random noise within the attack's bound."""

    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(
        16 / 255, description="L-infinity bound of the noise, for images in [0, 1]."
    )
    distribution: Literal["sign", "uniform"] = Field(
        "sign",
        description="Distribution of the noise. sign: plus or minus the bound, the strongest noise within it. uniform: uniform within it.",
    )


class RandomExposureSettings(Model):
    """Control: a smooth random exposure, made by the attack's polynomial with random coefficients."""

    strength: Annotated[float, Field(ge=0)] = Field(
        0.5, description="Root mean square of the logarithm of the brightness factor."
    )
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="Degree of the exposure polynomial.")


class JpegSettings(Model):
    """Control: JPEG compression."""

    quality: Annotated[int, Field(ge=1, le=95)] = Field(75, description="JPEG quality.")


class BlurSettings(Model):
    """Control: Gaussian blur."""

    sigma: Annotated[float, Field(ge=0)] = Field(1.0, description="Standard deviation of the Gaussian, in px.")


class ResizeSettings(Model):
    """Control: shrink the image and enlarge it again (bicubic)."""

    factor: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="Side of the shrunk image, as a share of the original side."
    )


# ImageNet-C's, by family: a file each in cosalpure/degrade/corruptions/
CORRUPTIONS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}


class CorruptionSettings(Model):
    """A common corruption of ImageNet-C (Hendrycks and Dietterich, ICLR 2019). See `docs/explanation/degradations.md`."""

    severity: Annotated[int, Field(ge=1, le=5)] = Field(3, description="Published severity, from 1 to 5.")
    scale_with_size: bool = Field(
        True,
        description="Scale lengths in px by the image's shorter side over 224 px, the published size. False: use the published "
        "lengths.",
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


def check_known(purifier: Chosen) -> None:
    """Refuse a purifier whose concept its attacker cannot have."""
    if "concept" in purifier.needs and purifier.concepts_from is None:
        raise ValueError(
            "purifier: its concept is learned from the images that this attack makes; name an entry with "
            "`concepts_from`, whose concept is there before the attack"
        )
    if getattr(purifier.checked, "concept", "own") != "own":
        raise ValueError("purifier: it takes another group's concept, which an attack on one group cannot know")
