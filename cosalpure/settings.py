"""Every setting of an experiment: its type, range, unit, default and reason.

This file is the single source. `config/schema.json` and `docs/configuration.md` are generated from it
(`cosalpure config schema`, `cosalpure config docs`); a test fails when they drift. What depends on the machine
(threads, memory, GPUs, partitions) is not here but in the rules and profiles.
"""

import difflib
import json
import re
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PositiveInt, Tag, ValidationError, model_validator

from cosalpure.concept.templates import TEMPLATES
from cosalpure.data.published import PUBLISHED
from cosalpure.errors import UserError, choose
from cosalpure.experiment.files import read_experiment
from cosalpure.experiment.files import read_files as read_files  # scripts read files by this name
from cosalpure.labels import ROLES, TABLES, Entries, Entry, Role
from cosalpure.seeds import repeat_name, split_repeat

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # becomes a folder's name
Fraction = Annotated[float, Field(ge=0, le=1)]
Timestep = Annotated[int, Field(ge=1, le=999)]


def check_placeholders(text, known):
    """A ValueError unless every placeholder in `text` is one of `known`, written as {name}.

    What was meant as a placeholder would else be taken as plain words, in silence.
    """
    choices = ", ".join(f"{{{name}}}" for name in known) or "none"
    rest = text
    for found in re.findall(r"\{([^{}]*)\}", text):
        if found not in known:
            close = difflib.get_close_matches(found.strip().lower(), known, n=1, cutoff=0.5)
            hint = f" (did you mean {{{close[0]}}}?)" if close else ""
            raise ValueError(f"'{text}': unknown placeholder {{{found}}}{hint}; known: {choices}")
        rest = rest.replace(f"{{{found}}}", " ", 1)
    if re.search(r"[{}]", rest):
        raise ValueError(f"'{text}': a brace without its partner; known placeholders: {choices}")
    word = re.search(r"\S*(token|class_?name)\S*|<[^<>]*>|\$\w+|%\w+%|\bS\*|\[[^\[\]]*\]", rest, re.IGNORECASE)
    if word:
        raise ValueError(f"'{text}': '{word[0]}' is no placeholder; known: {choices}")


class Model(BaseModel):
    """Unknown keys are errors. Numbers may be text, as `snakemake --config key=value` passes them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    random: ClassVar[bool] = True  # of a method: whether another seed gives other results; a plug-in's is taken to be

    def as_json(self):
        """The settings as a command takes them, keys in order."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


# --- data -------------------------------------------------------------------------------------------------------------
class MiniDataset(Model):
    """The embedded miniature: groups composed from sprites (`cosalpure/data/mini.py`)."""

    source: Literal["mini"] = Field("mini", description="where the images come from")
    split: Literal["train", "dev", "test"] = Field("test", description="choices are made on dev, reported on test")
    groups: PositiveInt = Field(24, description="number of groups; above the split's concepts, a concept comes again")
    images: PositiveInt = Field(8, description="images a group")
    size: Annotated[int, Field(ge=32, le=128)] = Field(64, description="side of an image in px")
    attacked_fraction: Fraction = Field(0.5, description="share of a group that is degraded: the first in name order")


class FolderDataset(Model):
    """Images of your own: a folder with one folder a group, or an archive of that; `docs/data.md` shows the layouts."""

    source: Literal["folder"] = Field("folder", description="where the images come from")
    path: str = Field(description="folder of group folders, or archive (zip, tar)")
    groups: PositiveInt | None = Field(
        None, description="number of groups; null counts them, which needs a folder that is there"
    )
    ground_truth: bool | None = Field(
        None, description="whether there is any: without, nothing is scored; null looks, which needs a folder"
    )
    size: Annotated[int, Field(ge=32, le=2048)] = Field(
        224, description="side of an image in px: images are resized to it, bicubic, ground truth by nearest neighbour"
    )
    attacked_fraction: Fraction = Field(0.5, description="share of a group that is degraded: the first in name order")
    problems: Literal["strict", "skip", "keep"] = Field(
        "skip",
        description="unfit images: strict stops and lists them; skip leaves them out and says so; keep leaves out only "
        "what cannot be used at all",
    )


class PublishedDataset(FolderDataset):
    """One of the four published data sets, checked against its published counts; downloaded unless `path` is given."""

    source: Literal["cosal2015", "icoseg", "cosod3k", "coca"] = Field(description="which one")
    path: str | None = Field(None, description="archive or unpacked folder that you have; null downloads the archive")
    groups: PositiveInt | None = Field(None, description="number of groups, for a part of the set; null is all of it")
    ground_truth: Literal[True] = Field(True, description="published sets have it")
    problems: Literal["strict", "skip", "keep"] = Field("strict", description="as above")


# --- degradations -----------------------------------------------------------------------------------------------------
class NoneDegradation(Model):
    """No degradation: the clean reference."""

    random: ClassVar[bool] = False


class JadenaDegradation(Model):
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

    @property
    def random(self):
        """Only the variant that looks at other images of the group draws them."""
        return self.variant == "group"


class RandomNoise(Model):
    """Control: random noise of the attack's own bound, without its direction."""

    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="bound of the noise, of [0, 1]")
    distribution: Literal["sign", "uniform"] = Field(
        "sign", description="sign: every value moves by the whole bound, the strongest noise within it"
    )


class RandomExposure(Model):
    """Control: a smooth random exposure, of the attack's own polynomial and strength."""

    strength: Annotated[float, Field(ge=0)] = Field(
        0.5, description="root mean square of the log of the factor on the brightness"
    )
    degree: Annotated[int, Field(ge=0, le=20)] = Field(10, description="degree of the exposure polynomial")


class Jpeg(Model):
    """Control: written as a JPEG file and read again."""

    random: ClassVar[bool] = False

    quality: Annotated[int, Field(ge=1, le=95)] = Field(75, description="JPEG quality")


class Blur(Model):
    """Control: Gaussian blur."""

    random: ClassVar[bool] = False

    sigma: Annotated[float, Field(ge=0)] = Field(1.0, description="of the Gaussian, px")


class Resize(Model):
    """Control: shrunk and enlarged again, bicubic."""

    random: ClassVar[bool] = False

    factor: Annotated[float, Field(gt=0, le=1)] = Field(0.5, description="side of the small image, of the image's")


# ImageNet-C's, by family: a file each in cosalpure/degrade/corruptions/
CORRUPTIONS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}


class Corruption(Model):
    """A common corruption of ImageNet-C (Hendrycks and Dietterich, ICLR 2019); `docs/degradations.md`."""

    severity: Annotated[int, Field(ge=1, le=5)] = Field(3, description="1 to 5, as published")
    scale_with_size: bool = Field(
        True, description="lengths in px grow and shrink with the image's shorter side over the published 224"
    )


class FixedCorruption(Corruption):
    """A common corruption of ImageNet-C that draws nothing: another seed gives the same images."""

    random: ClassVar[bool] = False


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


# --- text-to-image model and concept ----------------------------------------------------------------------------------
class TextToImage(Model):
    """A diffusers pipeline folder with the Stable Diffusion components."""

    path: str = Field(
        "weights/stable-diffusion-2",
        description="diffusers pipeline folder, or hf:OWNER/NAME[@REVISION] of the Hugging Face hub",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(768, description="side in px at which images enter it")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="of network and autoencoder; auto is float32 on a CPU, bfloat16 or else float16 on a GPU"
    )
    batch: PositiveInt | None = Field(
        None,
        description="maximum batch size, halved whenever a GPU's memory runs out; null is the whole group, on a CPU at most 4 "
        "images without gradients, and 1 image at the 768 px of Stable Diffusion 2",
    )
    vae_slicing: bool = Field(False, description="the autoencoder takes one image at a time: less memory, same result")
    vae_tiling: bool = Field(False, description="the autoencoder works tile by tile: less memory, slight seams")
    channels_last: bool = Field(False, description="memory format of network and autoencoder; faster on some GPUs")
    compile: bool = Field(False, description="torch.compile of the network: a minute at first, then faster on a GPU")
    gradient_checkpointing: bool = Field(
        False,
        description="recompute the network's activations in the backward pass of concept learning: less memory, more time, "
        "equal gradients",
    )


class ConceptLearning(Model):
    """Group-image concept learning by textual inversion (the paper's Sec. 4.2, Eq. 5); defaults of the official script."""

    steps: PositiveInt = Field(2000, description="optimiser steps")
    batch: PositiveInt = Field(4, description="images a step")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        2e-3, description="constant rate of the one vector; the official 5e-4 times its batch, as the script scales it"
    )
    initial_word: str = Field("object", description="the vector starts as this word's embedding")
    templates: Literal["imagenet_objects", "paper"] | tuple[str, ...] = Field(
        "imagenet_objects",
        description="captions, one drawn at random a step: a list, or a named set; imagenet_objects has the official "
        "script's 27, paper the paper's 'a photo of {token}'",
    )
    flip: Fraction = Field(0.5, description="probability that an image is mirrored")
    timesteps: tuple[Annotated[int, Field(ge=0, le=999)], Annotated[int, Field(ge=1, le=1000)]] = Field(
        (0, 1000), description="range that t is drawn from, the end excluded; high ones resist poisoned images"
    )
    jpeg: Annotated[int, Field(ge=1, le=95)] | None = Field(
        None, description="JPEG quality at which the images are written and read before learning; null leaves them"
    )
    groups_at_once: PositiveInt = Field(
        1, description="groups whose concepts are learned side by side, in one batch; fills a GPU"
    )
    plateau: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="stop early when the last 20 steps brought less than this share of all that was gained, by the loss on "
        "draws that stay the same; null takes all steps",
    )
    checkpoint_every: PositiveInt = Field(
        100, description="steps after which the state is saved; an interrupted run goes on from there"
    )

    @model_validator(mode="after")
    def _check(self):
        if self.timesteps[0] >= self.timesteps[1]:
            raise ValueError(f"timesteps: {list(self.timesteps)} is empty; the first must be below the second")
        check_templates(self.captions)
        return self

    @property
    def captions(self):
        """The captions that `templates` stands for, a tuple of texts with {token}."""
        return TEMPLATES[self.templates] if isinstance(self.templates, str) else self.templates


def check_templates(templates):
    """A ValueError unless every caption of concept learning holds {token} once, and no other placeholder."""
    if not templates:
        raise ValueError("templates: expected at least one caption, such as 'a photo of {token}'")
    for template in templates:
        try:
            check_placeholders(template, ["token"])
        except ValueError as error:
            raise ValueError(f"templates: {error}") from None
        if template.count("{token}") != 1:
            raise ValueError(f"templates: '{template}' must hold {{token}} once")


# --- purifiers --------------------------------------------------------------------------------------------------------
class Purifier(Model):
    """What every purifier declares; a plug-in's settings may too, else they are taken as these."""

    needs_model: ClassVar[bool] = True  # the text-to-image model: a job waits for it, a newer one reruns the purifier


class PublishedTimestep(Model):
    """T as published for larger images, converted: the noise-to-signal ratio at T is divided by the ratio of the sides.

    So as much of an image's content is left (Hoogeboom et al., *simple diffusion*, ICML 2023). The number of steps that
    lie below T stays the published one.
    """

    paper: Timestep = Field(250, description="T as published")
    side: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        None,
        description="side of what is noised there; null is 96, Stable Diffusion 2's latents of 768 px, "
        "and 256 px for the baselines on pixels",
    )


TAGS = ("number", "keys")  # of the two forms, in pydantic's errors
AnyTimestep = Annotated[
    Annotated[Timestep, Tag("number")] | Annotated[PublishedTimestep, Tag("keys")],
    Discriminator(lambda value: TAGS[isinstance(value, dict | PublishedTimestep)]),
]


def share_of_steps(steps, timestep):
    """The number of `steps` of a full run that lie below T, `timestep` as in the settings; a ValueError if it is 0."""
    T = timestep if isinstance(timestep, int) else timestep.paper
    if steps * T < 1000:
        raise ValueError(f"steps: {steps} leave none below T = {T}; at least {-(-1000 // T)} are needed")
    return steps * T // 1000


class SourceOnly(Purifier):
    """No purification: the images as they came (the paper's Source-Only)."""

    random: ClassVar[bool] = False
    needs_model: ClassVar[bool] = False


class LatentPurifier(Purifier):
    """What works in the latent space of the text-to-image model."""

    resolution: Annotated[int, Field(ge=32, le=2048)] | None = Field(
        None, description="px at which it works; null is text_to_image.resolution, at which concepts are learned"
    )


class VaeRoundTrip(LatentPurifier):
    """Control: encode and decode by the text-to-image model's autoencoder, without any diffusion."""

    random: ClassVar[bool] = False


class JpegPurifier(Jpeg, Purifier):
    """Control: written as a JPEG file and read again."""

    needs_model: ClassVar[bool] = False


class ContinuousSettings(Purifier):
    """The continuous representation alone, the paper's ablation "w/o concept inversion"; LIIF, as in DISCO."""

    random: ClassVar[bool] = False
    needs_model: ClassVar[bool] = False

    weights: str = Field(
        "weights/edsr-baseline-liif.pth",
        description="LIIF's weights, or an official EDSR-LIIF or DISCO checkpoint; the paper's own are not published",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(
        768,
        description="side in px that it answers at, as `text_to_image.resolution`; then resized to the image's size",
    )


class CosalPureSettings(LatentPurifier):
    """Concept-guided purification (the paper's Sec. 4.3): noise to t = T, denoise under the prompt, decode."""

    continuous: str | None = Field(
        None, description="weights of the continuous representation in front of the autoencoder; null is none"
    )
    timestep: AnyTimestep = Field(
        250, description="T, of the model's 1000 training steps; {paper: 250} is the published one at this resolution"
    )
    sampler: Literal["dpmsolver++", "ddpm"] = Field(
        "dpmsolver++", description="DPM-Solver++ 2M, as the official code, or ancestral sampling, as the paper's Eq. 10"
    )
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="of dpmsolver++ over a full run; T/1000 of them are done. ddpm does every one of the T"
    )
    guidance_scale: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        7.5, description="classifier-free guidance; 1 is none"
    )
    prompt: str = Field(
        "{token}",
        description="condition; {token} is the learned concept, {class_name} the group's name. The ablation's: None",
    )
    negative_prompt: str = Field("", description="what guidance leads away from")
    concept: Literal["own", "next"] = Field(
        "own", description="whose concept {token} is; next, a control, is that of the following group"
    )

    @model_validator(mode="after")
    def _check(self):
        for key, known in (("prompt", ["token", "class_name"]), ("negative_prompt", [])):
            try:
                check_placeholders(getattr(self, key), known)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        if self.sampler == "dpmsolver++":
            share_of_steps(self.steps, self.timestep)
        return self


class EntryKeys(Model):
    """Keys of any entry that are not its method's: how it is printed, what it is for, what it reproduces."""

    label: str | None = Field(
        None, min_length=1, description="printed name in tables, figures and the report; null is the method's own"
    )
    role: Role | None = Field(
        None,
        description="what it is for: a degradation is reference, attack, corruption or control; a purifier is reference, "
        "baseline, control, ablation or ours; null is the method's own",
    )
    reported: str | dict[Literal[TABLES], str] | None = Field(
        None,
        description="the paper's name of what this entry reproduces, in all of its tables or by table: {table4: CosalPure}; "
        "null is none",
    )


class MapSettings(Model):
    """Keys of any purifier's entry that are not the purifier's own: what becomes of the maps of its images."""

    average_maps: bool = Field(
        False, description="average each map with that of the unpurified image, as DDA's self-ensemble does with logits"
    )


class UnconditionalPurifier(Purifier):
    """Purification by an unconditional diffusion model, guided diffusion's ADM."""

    needs_model: ClassVar[bool] = False

    weights: str = Field("weights/256x256_diffusion_uncond.pt", description="the ADM's weights")
    resolution: Annotated[int, Field(ge=16, le=512)] = Field(
        256, description="side in px at which images enter the network; a multiple of what it shrinks by"
    )
    timestep: AnyTimestep = Field(
        250,
        description="T, of 1000: the paper gives both baselines its own (DiffPure's authors: 150 on ImageNet); "
        "{paper: 250} is that at this resolution",
    )
    batch: PositiveInt = Field(
        8, description="images that pass the network at once; changes memory, and results by rounding alone"
    )


class DiffPureSettings(UnconditionalPurifier):
    """DiffPure (Nie et al., ICML 2022): noise to T, then the whole reverse diffusion."""

    process: Literal["ddpm", "sde"] = Field(
        "ddpm", description="ancestral sampling, or the reverse SDE of the published ImageNet scripts"
    )

    @property
    def label(self):
        """The printed name of entries that have none of their own: it says which process is meant."""
        return f"DiffPure ({self.process.upper()})"


class DDASettings(UnconditionalPurifier):
    """DDA (Gao et al., CVPR 2023): a reverse diffusion that keeps the image's low frequencies."""

    steps: Annotated[int, Field(ge=2, le=1000)] = Field(100, description="of a full run; T/1000 of them are taken")
    guidance_scale: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        6.0, description="pull towards the low frequencies; 0 is none"
    )
    save_memory: bool = Field(
        False,
        description="gradients by a second pass through the network: half as much time again, a fraction of memory",
    )

    @model_validator(mode="after")
    def _check(self):
        share_of_steps(self.steps, self.timestep)
        return self


# --- detectors, scores ------------------------------------------------------------------------------------------------
class GicdDetector(Model):
    """GICD, gradient-induced co-saliency detection (Zhang et al., ECCV 2020)."""

    weights: str | tuple[str, str] = Field(
        ("weights/gicd_ginet.pth", "weights/vgg16-397923af.pth"),
        description="the network's weights; two official files: gicd_ginet.pth and the co-classifier's vgg16",
    )


class GcagcDetector(Model):
    """GCAGC, adaptive graph convolution with attention graph clustering, on HRNet-W48 (Zhang et al., CVPR 2020)."""

    weights: str = Field(
        "weights/hrnet_stage3_iter45000.pth",
        description="the network's weights, or the official hrnet_stage3_iter45000.pth",
    )
    group_size: PositiveInt | None = Field(
        None, description="images that see each other; null is the whole group, as CosalPure; GCAGC's own script: 5"
    )
    times_saliency: bool = Field(False, description="multiply by plain saliency, as GCAGC's own script on iCoseg")


class PoolnetDetector(Model):
    """PoolNet, pooling-based salient object detection, on ResNet-50 with edges (Liu et al., CVPR 2019)."""

    weights: str = Field(
        "weights/poolnet_resnet50_edge.pth",
        description="the network's weights, or the official file of PoolNet-ResNet50 with edges",
    )
    channel_means: Literal["cosalpure", "official"] = Field(
        "cosalpure", description="subtracted from the image; CosalPure's code exchanges PoolNet's green and blue"
    )


class Score(Model):
    """The official evaluation's constants, and metrics beside it."""

    threshold: Fraction = Field(0.5, description="a map counts as foreground from here on")
    beta2: Annotated[float, Field(gt=0)] = Field(0.3, description="beta squared of F-beta")
    success_iou: Fraction = Field(0.5, description="an image succeeds above this IoU")
    further: bool = Field(
        False, description="also max, mean and adaptive F and E, S-measure, weighted F; needs the package pysodmetrics"
    )


class Statistics(Model):
    """Intervals by bootstrap over groups: the images of a group are not independent."""

    samples: Annotated[int, Field(ge=100)] = Field(2000, description="bootstrap samples")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="level of the intervals")


class Condition(Model):
    """One block of conditions: every combination of its lists is run."""

    datasets: tuple[str, ...] | None = Field(None, description="names from `datasets`; all if left out")
    degradations: tuple[str, ...] = Field(description="names from `degradations`")
    purifiers: tuple[str, ...] = Field(description="names from `purifiers`")
    detectors: tuple[str, ...] | None = Field(None, description="names from `detectors`; all if left out")


class Sweep(Model):
    """A figure of the success rate, nothing purified, against one setting of several degradations or datasets."""

    setting: str = Field(description="key whose value is drawn along the axis, such as epsilon or attacked_fraction")
    entries: tuple[str, ...] = Field(min_length=2, description="names from `degradations`, or from `datasets`")
    scale: float = Field(1.0, description="what the value is multiplied by, such as 255")
    label: str = Field("", description="the axis' title; the key if left out")


class GroupsPerJob(Model):
    """Groups that one job handles with one load of its model. Results do not depend on it."""

    degrade: PositiveInt = Field(12, description="groups a degradation job")
    concept: PositiveInt = Field(12, description="groups a concept learning job")
    purify: PositiveInt = Field(12, description="groups a purification job")
    detect: PositiveInt = Field(24, description="groups a detection job")


DATASETS = {"mini": MiniDataset, "folder": FolderDataset, **dict.fromkeys(PUBLISHED, PublishedDataset)}
COMMANDS = ("list", "fetch")  # words of `cosalpure data`: no names of datasets
DEGRADATIONS = {
    "none": NoneDegradation,
    "jadena": JadenaDegradation,
    "random_noise": RandomNoise,
    "random_exposure": RandomExposure,
    "jpeg": Jpeg,
    "blur": Blur,
    "resize": Resize,
    **dict.fromkeys((name for names in CORRUPTIONS.values() for name in names), Corruption),
    **dict.fromkeys(FIXED_CORRUPTIONS, FixedCorruption),
}
PURIFIERS = {
    "source_only": SourceOnly,
    "vae_round_trip": VaeRoundTrip,
    "jpeg": JpegPurifier,
    "continuous": ContinuousSettings,
    "cosalpure": CosalPureSettings,
    "diffpure": DiffPureSettings,
    "dda": DDASettings,
}
DETECTORS = {"gicd": GicdDetector, "gcagc": GcagcDetector, "poolnet": PoolnetDetector}
FAMILIES = {"degradations": DEGRADATIONS, "purifiers": PURIFIERS, "detectors": DETECTORS}


class Settings(Model):
    """A whole experiment. `datasets`, `degradations`, `purifiers` and `detectors` map a name to its settings.

    A named group of settings is an entry. Its `method` is its name unless it says another; `like` takes over the method
    and settings of another entry, but not its label, role and reported row.
    """

    experiment: Name = Field(description="name of the experiment; a file without this key is a variant")
    variant_of: Name | tuple[Name, ...] | None = Field(
        None, description="in a variant: the experiments that it is made for; null is any"
    )
    seed: Annotated[int, Field(ge=0)] = Field(2024, description="all randomness is derived from it")
    further_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="attack, learning and purification are repeated under each, on the same data; table `seeds`"
    )
    datasets: dict[Name, dict[str, Any]] = Field(description="name: settings of the dataset")
    degradations: dict[Name, dict[str, Any]] = Field(description="name: settings of the degradation")
    text_to_image: TextToImage = Field(TextToImage(), description="the model that learns and purifies")
    concept: ConceptLearning = Field(ConceptLearning(), description="concept learning")
    purifiers: dict[Name, dict[str, Any]] = Field(description="name: settings of the purifier")
    detectors: dict[Name, dict[str, Any]] = Field(description="name: settings of the detector")
    score: Score = Field(Score(), description="metrics")
    statistics: Statistics = Field(Statistics(), description="intervals")
    conditions: tuple[Condition, ...] = Field(min_length=1, description="what is run")
    sweeps: dict[Name, Sweep] = Field({}, description="name: a figure of the success rate against one setting")
    groups_per_job: GroupsPerJob = Field(GroupsPerJob(), description="size of a job")
    sources: str | None = Field(
        None, description="table of where published weights come from; null is config/sources.csv beside the Snakefile"
    )

    def method(self, family, name):
        """The method behind entry `name` of "degradations", "purifiers" or "detectors"."""
        return _resolve(family, getattr(self, family), split_repeat(name)[0])[0]

    def method_settings(self, family, name):
        """The validated settings of entry `name`: a pydantic model."""
        name = split_repeat(name)[0]
        method, values = _resolve(family, getattr(self, family), name)
        cls = settings_class(family, method, f"{family}.{name}")
        if family == "purifiers":  # these are about the maps: a purifier never sees them
            values = {key: value for key, value in values.items() if key not in MapSettings.model_fields}
        return validated(cls, values, f"{family}.{name}.")

    def entry(self, family, name):
        """Label, role and reported row of an entry of "datasets", "degradations", "purifiers" or "detectors"."""
        name = split_repeat(name)[0]
        values = getattr(self, family)[name]
        keys = validated(
            EntryKeys, {key: values[key] for key in EntryKeys.model_fields if key in values}, f"{family}.{name}."
        )
        if keys.role is not None:
            if not ROLES[family]:
                raise UserError(f"{family}.{name}.role: {family} have no role")
            choose("role", keys.role, list(ROLES[family]), f"{family}.{name}.role")
        method = name if family == "datasets" else self.method(family, name)
        found = keys.model_dump(exclude_none=True)
        if family != "datasets" and (printed := getattr(self.method_settings(family, name), "label", None)):
            found.setdefault("label", printed)
        if family == "datasets" and (published := PUBLISHED.get(self.dataset(name).source)):
            found.setdefault("reported", published.title)
        return Entry.of(family, name, method, found)

    def entries(self):
        """Label, role and reported row of every entry: an `Entries`."""
        families = ("datasets", *FAMILIES)
        return Entries(
            {family: {name: self.entry(family, name) for name in getattr(self, family)} for family in families}
        )

    def map_settings(self, name):
        """What purifier entry `name` says about the maps of its images: a `MapSettings`."""
        values = _resolve("purifiers", self.purifiers, name)[1]
        values = {key: value for key, value in values.items() if key in MapSettings.model_fields}
        return validated(MapSettings, values, f"purifiers.{name}.")

    def dataset(self, name):
        """The validated settings of dataset `name`."""
        return dataset_settings(name, _without_entry_keys(self.datasets[name]), f"datasets.{name}")

    def reads_concept(self, purifier):
        """Whether the purifier of this name is given the learned concept."""
        return "{token}" in getattr(self.method_settings("purifiers", purifier), "prompt", "")

    def seed_of(self, degradation):
        """The seed under which a degradation and what follows from it are computed: `seed`, or that of its name."""
        seed = split_repeat(degradation)[1]
        return self.seed if seed is None else seed

    def expand(self):
        """Every condition as a tuple (dataset, degradation, purifier, detector), in order, each once.

        Under a further seed the degradation is called jadena.seed7. What has nothing random in it is not repeated.
        """
        once = self._expand_once()
        random = [its for its in once if self._is_random(*its[1:3])]
        repeats = [(d, repeat_name(g, seed), p, n) for seed in self.further_seeds for d, g, p, n in random]
        return [*once, *repeats]

    def _is_random(self, degradation, purifier):
        pair = (self.method_settings("degradations", degradation), self.method_settings("purifiers", purifier))
        return any(getattr(its, "random", True) for its in pair)

    def _expand_once(self):
        found = {}
        for block in self.conditions:
            for dataset in block.datasets or self.datasets:
                for degradation in block.degradations:
                    for purifier in block.purifiers:
                        for detector in block.detectors or self.detectors:
                            found[dataset, degradation, purifier, detector] = None
        return list(found)

    def sweep_points(self, name):
        """[(dataset, degradation, value), ...] of a sweep, along the axis; a UserError for what is not run.

        Degradations are taken on the first dataset that runs all of them, datasets under the first that degrades.
        """
        sweep, where = self.sweeps[name], f"sweeps.{name}"
        run = [
            condition[:2]
            for condition in self._expand_once()
            if self.entry("purifiers", condition[2]).role == "reference"
        ]
        if set(sweep.entries) <= set(self.datasets):
            attacks = [pair[1] for pair in run if self.entry("degradations", pair[1]).role != "reference"]
            pairs = [(entry, attacks[0]) for entry in sweep.entries] if attacks else []
            values = {entry: self.dataset(entry) for entry in sweep.entries}
        else:
            for entry in sweep.entries:
                choose("entry", entry, list(self.degradations), f"{where}.entries")
            fit = [dataset for dataset in self.datasets if {(dataset, entry) for entry in sweep.entries} <= set(run)]
            pairs = [(fit[0], entry) for entry in sweep.entries] if fit else []
            values = {entry: self.method_settings("degradations", entry) for entry in sweep.entries}
        for entry, its in values.items():
            choose("setting", sweep.setting, list(type(its).model_fields), f"{where}.setting of '{entry}'")
        if not pairs or not set(pairs) <= set(run):
            raise UserError(f"{where}: not every entry is run with the reference purifier; add them to `conditions`")
        axis = [getattr(values[entry], sweep.setting) * sweep.scale for entry in sweep.entries]
        return sorted(((*pair, value) for pair, value in zip(pairs, axis, strict=True)), key=lambda point: point[2])


def validated(cls, values, prefix):
    """A dict -> a settings model of class `cls`; every mistake is one line of a UserError that starts with `prefix`."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_lines(error, prefix, cls))) from None


def settings_class(family, method, where=None):
    """The settings class of a built-in method, or the `Settings` of a plug-in's class."""
    if method in FAMILIES[family]:
        return FAMILIES[family][method]
    from importlib import import_module

    stage = {"degradations": "degrade", "purifiers": "purify", "detectors": "detect"}[family]
    registry = getattr(import_module(f"cosalpure.{stage}"), family.upper())
    choose(registry.kind, method, registry.names(), where)
    return registry.get(method).Settings


def dataset_settings(name, values, where):
    """The validated settings of a dataset. Its `source` may be left out beside a `path`, or where `name` says it."""
    if name in COMMANDS:
        raise UserError(f"{where}: `cosalpure data {name}` has another meaning; choose another name")
    source = values.get("source") or (
        name.lower() if name.lower() in PUBLISHED else "folder" if "path" in values else name
    )
    choose("source", source, list(DATASETS), where)
    return validated(DATASETS[source], values | {"source": source}, f"{where}.")


def parse(cls, text, where):
    """Inline YAML or JSON -> a settings model of class `cls`; every mistake is one line of a UserError."""
    return validated(cls, inline(text, where), f"{where}: ")


def parse_entries(text, where):
    """Inline YAML of labels and roles, {family: {name: {label, role, reported}}} -> an `Entries`."""
    found = {}
    for family, entries in inline(text, where).items():
        choose("family", family, ["datasets", *FAMILIES], where)
        if not isinstance(entries, dict):
            raise UserError(f"{where}: {family}: expected entries, found {entries!r}")
        for name, values in entries.items():
            keys = validated(EntryKeys, values or {}, f"{where}: {family}.{name}.")
            found.setdefault(family, {})[name] = Entry.of(family, name, values=keys.model_dump(exclude_none=True))
    return Entries(found)


def inline(text, where):
    """Inline YAML -> dict."""
    import yaml

    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values such as '{{steps: 10}}', found {text!r}")
    return values


def _resolve(family, entries, name, seen=()):
    """(method, settings) of an entry, `like` followed."""
    values = _without_entry_keys(entries[name])
    method, like = values.pop("method", None), values.pop("like", None)
    if like is None:
        return method or name, values
    choose("entry", like, list(entries), where=f"{family}.{name}.like")
    if like in (*seen, name):
        raise UserError(f"{family}.{name}.like: '{like}' leads back to itself")
    inherited_method, inherited = _resolve(family, entries, like, (*seen, name))
    return method or inherited_method, inherited | values


def load_files(paths):
    """Experiment and variant files -> Settings; every mistake found becomes one line of a UserError."""
    return load(read_experiment(paths), where=", ".join(map(str, paths)))


def _without_entry_keys(values):
    """The settings of an entry's method: without label, role and reported, which are the entry's own."""
    return {key: value for key, value in values.items() if key not in EntryKeys.model_fields}


def load(values, where="config"):
    """A dict (as read from YAML) -> Settings. Every mistake found becomes one line of a UserError."""
    settings = validated(Settings, _filled(values, where), f"{where}: ")
    lines = []
    for name in settings.datasets:
        lines += _complaints(settings.dataset, name) or _complaints(settings.entry, "datasets", name)
    for family in FAMILIES:
        for name in getattr(settings, family):
            if split_repeat(name)[1] is not None:
                lines.append(f"{family}.{name}: a name that ends in .seed and a number is that of a further seed")
                continue
            lines += _complaints(settings.method_settings, family, name) or _complaints(settings.entry, family, name)
    if len({settings.seed, *settings.further_seeds}) <= len(settings.further_seeds):
        lines.append(f"further_seeds: {list(settings.further_seeds)} holds a seed twice, or `seed` ({settings.seed})")
    for name in settings.purifiers:
        lines += _complaints(settings.map_settings, name)
    for index, block in enumerate(settings.conditions):
        for family in ("datasets", *FAMILIES):
            for name in getattr(block, family) or ():
                known = list(getattr(settings, family))
                lines += _complaints(choose, family[:-1], name, known, f"conditions[{index}].{family}")
    if not lines:
        for name in settings.sweeps:
            lines += _complaints(settings.sweep_points, name)
    if lines:
        raise UserError("\n".join(f"{where}: {line}" for line in dict.fromkeys(lines)))
    return settings


def _complaints(check, *arguments):
    """The lines of what is wrong with `check(*arguments)`, none if it passes."""
    try:
        check(*arguments)
    except UserError as error:
        return str(error).splitlines()
    return []


def _filled(values, where):
    """The config with `name:` (nothing behind it) read as `name: {}`, since all of its settings have defaults."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values, found {type(values).__name__}")
    values = dict(values)
    for family in ("datasets", *FAMILIES):
        if isinstance(values.get(family), dict):
            values[family] = {name: {} if item is None else item for name, item in values[family].items()}
    return values


def _lines(error, prefix, cls):
    """A pydantic error as lines a person understands: key, expectation, what was found."""
    lines = []
    for item in error.errors():
        location = [part for part in item["loc"] if part not in TAGS]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        place = f"{prefix}{key}" if key else prefix.rstrip(": .")
        if item["type"] == "extra_forbidden":
            lines.append(f"{place}: unknown key{_guess(location, cls)}")
        elif item["type"] == "missing":
            lines.append(f"{place}: this key is missing")
        else:
            message = item["msg"].removeprefix("Value error, ").split(", unable to parse")[0]
            message = message[0].lower() + message[1:] if item["type"] != "value_error" else message
            found = f", found {item['input']!r}" if not isinstance(item["input"], dict) else ""
            lines.append(f"{place}: {message}{found}")
    return lines


def _model_within(annotation):
    """The settings model that an annotation is, or holds (a list of them, or one beside a number); else None."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(_model_within, get_args(annotation))), None)


def _guess(location, cls):
    """The known keys beside an unknown one, and the likely one."""
    for part in location[:-1]:
        if isinstance(part, str):
            cls = _model_within(cls.model_fields[part].annotation)
    close = difflib.get_close_matches(str(location[-1]), list(cls.model_fields), n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return f"{hint}; known keys: {', '.join(cls.model_fields) or 'none'}"
