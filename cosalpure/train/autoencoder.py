"""The mini autoencoder: 64 x 64 images to 16 x 16 x 8 latents and back, in diffusers' AutoencoderKL.

As Stable Diffusion's first stage (Rombach et al. 2022) with a quarter of the side instead of an eighth, as small
images have no room for f = 8, and without the adversarial loss, which would need far more training.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.resnet import ResnetBlock2D

from cosalpure.data.mini import MiniWorld
from cosalpure.io import whole_folder
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train.common import moving_average, seeded, train, trained_part, update, write_json
from cosalpure.train.compute import Compute
from cosalpure.train.text_encoder import compose, to_tensor


@dataclass
class AutoencoderSettings:
    """How the autoencoder is built and trained."""

    seed: int = 0
    steps: int = 2800
    batch: int = 4  # images; the number of steps decides, not the batch
    learning_rate: float = 1e-3  # above 2e-3 the linear start is lost
    crops: float = 0.8  # share of steps on two crops an image of half the side, at half the cost; then whole images
    warmup: int = 50
    channels: tuple[int, ...] = (16, 32, 64)  # narrow at 64 x 64 positions, where channels cost most
    latent_channels: int = 8
    norm_groups: int = 4
    gradient_weight: float = 0.5  # of the L1 between image gradients: keeps the contours that detectors need
    square_weight: float = 2.0  # of the squared error, which is what PSNR measures
    kl_weight: float = 2e-4  # small: only keeps the latents bounded and smooth
    exposed: float = 0.6  # share of images with another exposure: attacked images must survive the round trip
    gain: tuple[float, ...] = (0.4, 2.2)  # its range, wider than the attack's
    portraits: float = 0.25
    ema: float = 0.998
    checkpoint_every: int = 300
    log_every: int = 25
    held_out: int = 256  # scenes for PSNR and for the latents' scale


def build_autoencoder(settings: AutoencoderSettings) -> AutoencoderKL:
    """Build an AutoencoderKL with a downsampling factor of 4, initialised from the settings' seed."""
    with seeded(settings.seed, "autoencoder"):
        return AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=settings.channels,
            layers_per_block=1,
            latent_channels=settings.latent_channels,
            norm_num_groups=settings.norm_groups,
            mid_block_add_attention=False,
            sample_size=64,
        )


@torch.no_grad()
def start_as_patch_pca(model: AutoencoderKL, images: torch.Tensor) -> None:
    """Initialise the encoder as the linear PCA of 4 x 4 patches of `images` (N, 3, H, W) in [-1, 1].

    A linear code of 8 numbers a patch already reaches 25 dB, which plain initialisation takes an hour to find: the
    group norms in front of both output convolutions erase each image's contrast. Here the residual branches start at
    zero, and each such norm's groups hold two large constants that fix its scale, and signals in pairs (s, -s), as
    silu(s) - silu(-s) = s. Everything remains free to be learned.
    """
    encoder, decoder = model.encoder, model.decoder
    for module in model.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.zero_(), module.conv2.bias.zero_()

    # 1. The principal components of patches, ordered (channel, y, x)
    patches = F.unfold(images, 4, stride=4).transpose(1, 2).reshape(-1, 48)
    mean, centred = patches.mean(0), patches - patches.mean(0)
    variances, axes = torch.linalg.eigh(centred.T @ centred / len(centred))
    stds, axes = variances.flip(0).clamp(min=1e-6).sqrt(), axes.T.flip(0).reshape(48, 3, 2, 2, 2, 2)

    # 2. Two strided convolutions: 2 x 2 pixels to 12 channels, then 2 x 2 of these to the leading components
    fill(encoder.conv_in, [(c, c, 1, 1, 1.0) for c in range(3)])
    cells = [(c, y, x) for c in range(3) for y in range(2) for x in range(2)]
    fill(encoder.down_blocks[0].downsamplers[0].conv, [(i, c, y, x, 1.0) for i, (c, y, x) in enumerate(cells)])
    fill(encoder.down_blocks[1].resnets[0].conv_shortcut, [(i, i, 0, 0, 1.0) for i in range(12)])
    second = encoder.down_blocks[1].downsamplers[0].conv
    second.weight.zero_()
    for i, (c, y, x) in enumerate(cells):
        second.weight[:, i, :2, :2] = axes[: second.out_channels, c, :, y, :, x]
    second.bias.copy_(-(axes.reshape(48, 48) @ mean)[: second.out_channels])

    # 3. The first eight in pairs of opposite sign through the norm; scaled towards unit variance, with little noise
    latents, groups = model.config.latent_channels, encoder.conv_norm_out.num_groups
    width = encoder.conv_norm_out.num_channels // groups
    per_group = latents // groups
    plus = [width * (k // per_group) + 2 * (k % per_group) for k in range(latents)]
    shortcut = encoder.down_blocks[2].resnets[0].conv_shortcut
    fill(shortcut, [(row, k, 0, 0, 1.0) for k, row in enumerate(plus)])
    shortcut.weight[[row + 1 for row in plus]] = -shortcut.weight[plus]
    shortcut.bias[[row + 1 for row in plus]] = 0
    hold_scale(encoder.conv_norm_out, shortcut, encoder.mid_block.resnets[-1].conv2, level=20.0)
    encoder.conv_out.weight.mul_(0.1)
    scales = stds[:latents] ** -0.75
    pairs = [(k, row + i, 1, 1, (scales[k] * (-1) ** i).item()) for k, row in enumerate(plus) for i in range(2)]
    fill(encoder.conv_out, pairs, clear=False)
    encoder.conv_out.bias.copy_(torch.tensor([0.0, -6.0]).repeat_interleave(latents))
    fill(model.quant_conv, [(i, i, 0, 0, 1.0) for i in range(2 * latents)])
    fill(model.post_quant_conv, [(i, i, 0, 0, 1.0) for i in range(latents)])

    # 4. The decoder's output in the same way; what leads there is learned
    last = decoder.up_blocks[-1].resnets
    width = decoder.conv_norm_out.num_channels // decoder.conv_norm_out.num_groups
    plus = [width * c for c in range(3)]
    last[0].conv_shortcut.weight[[row + 1 for row in plus]] = -last[0].conv_shortcut.weight[plus]
    last[0].conv_shortcut.bias[[row + i for row in plus for i in range(2)]] = 0
    hold_scale(decoder.conv_norm_out, last[0].conv_shortcut, last[-1].conv2, level=8.0)
    decoder.conv_out.weight.mul_(0.1)
    fill(decoder.conv_out, [(c, plus[c] + i, 1, 1, (-1.0) ** i) for c in range(3) for i in range(2)], clear=False)


def fill(conv: Any, entries: Iterable[tuple[Any, ...]], clear: bool = True) -> None:
    """Set (output, input, y, x, value) entries of a convolution; first clear these outputs if `clear`."""
    if clear:
        rows = sorted({entry[0] for entry in entries})
        conv.weight[rows] = 0
        conv.bias[rows] = 0
    for output, channel, y, x, value in entries:
        conv.weight[output, channel, y, x] = value


def hold_scale(norm: Any, before: Any, last: Any, level: float) -> None:
    """Make the last two channels of each of the `norm`'s groups constants of +-`level`, and let the rest pass."""
    width = norm.num_channels // norm.num_groups
    for group in range(norm.num_groups):
        rows = [width * (group + 1) - 2, width * (group + 1) - 1]
        before.weight[rows], before.bias[rows] = 0, 0
        last.bias[rows] = torch.tensor([level, -level])
    norm.weight.fill_(level * (2 / width) ** 0.5)


def expose(images: torch.Tensor, rng: torch.Generator, share: float, gain: tuple[float, ...]) -> torch.Tensor:
    """Expose a `share` of images (N, 3, H, W) in [0, 1] otherwise: a gain times a smooth field of gains, clipped."""
    low, high = torch.tensor(gain).log()
    logs = torch.rand(len(images), 1, 1, 1, generator=rng) * (high - low) + low
    field = (torch.rand(len(images), 1, 3, 3, generator=rng) - 0.5) * 1.0
    field = F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)
    chosen = torch.rand(len(images), 1, 1, 1, generator=rng) < share
    return torch.where(chosen, images * (logs + field).exp(), images).clamp(0, 1)


def crop(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Cut the same random quarter (half the side) out of all images (N, 3, H, W)."""
    side = images.shape[-1] // 2
    y, x = rng.integers(0, side + 1, size=2)
    return images[..., y : y + side, x : x + side]


def reconstruction_loss(output: torch.Tensor, images: torch.Tensor, settings: AutoencoderSettings) -> torch.Tensor:
    """Sum L1, squared error, and L1 of gradients, of images (N, 3, H, W) in [-1, 1]."""
    gradients = sum((output.diff(dim=d) - images.diff(dim=d)).abs().mean() for d in (2, 3))
    error = output - images
    return error.abs().mean() + settings.square_weight * error.square().mean() + settings.gradient_weight * gradients


@torch.no_grad()
def held_out_quality(model: AutoencoderKL, world: MiniWorld, settings: AutoencoderSettings) -> dict[str, Any]:
    """Measure the PSNR of the round trip on unseen scenes of dev and test at several gains.

    PSNR is in dB, of images in [0, 1]. The standard deviation of the latents is measured, too.
    """
    concepts = world.concepts("dev") + world.concepts("test")
    rng = numpy_generator(settings.seed, "autoencoder held-out")
    scenes = [compose(world, rng, concepts[i % len(concepts)], 0.0) for i in range(settings.held_out)]
    pictures, psnr, latents = to_tensor(scenes), {}, []
    for gain in (0.5, 1.0, 1.5):
        errors = []
        for images in torch.split((pictures * gain).clamp(0, 1), 32):
            latent = model.encode(images * 2 - 1).latent_dist
            output = (model.decode(latent.mode()).sample / 2 + 0.5).clamp(0, 1)
            errors.append((output - images).square().mean((1, 2, 3)))
            if gain == 1.0:
                latents.append(latent.sample(generator(settings.seed, "scale")))
        psnr[f"gain {gain}"] = (-10 * torch.cat(errors).log10()).mean().item()
    return {"psnr": psnr, "latent_std": torch.cat(latents).std().item()}


def train_autoencoder(
    output_dir: str | Path,
    settings: AutoencoderSettings | None = None,
    world: MiniWorld | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train the autoencoder; write vae/ (moving average, scaling_factor = 1 / std of latents) and metrics.json."""
    settings, world, output_dir = settings or AutoencoderSettings(), world or MiniWorld(), Path(output_dir)
    model, compute = build_autoencoder(settings), compute or Compute()
    concepts = sorted(world.splits)  # what is seen is general, as in Stable Diffusion; only compositions are held out
    rng = numpy_generator(settings.seed, "vae start")
    start = [compose(world, rng, concepts[i], settings.portraits) for i in rng.integers(len(concepts), size=400)]
    start_as_patch_pca(model, to_tensor(start) * 2 - 1)
    model = model.to(compute.torch_device)
    ema = moving_average(model, settings.ema)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=1e-4)

    def draw(step: int, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        rng, noise = numpy_generator(settings.seed, "vae", step), generator(settings.seed, "vae", step)
        chosen = rng.integers(len(concepts), size=settings.batch)
        images = to_tensor([compose(world, rng, concepts[i], settings.portraits) for i in chosen])
        if progress < settings.crops:
            images = torch.cat([crop(images, rng) for _ in range(2)])
        images = expose(images, noise, settings.exposed, settings.gain) * 2 - 1
        channels, side = settings.latent_channels, images.shape[-1] // 4
        return images, torch.randn(len(images), channels, side, side, generator=noise)

    def learn(batch: tuple[torch.Tensor, torch.Tensor], progress: float) -> dict[str, Any]:
        images, noise = batch
        with compute.autocast():
            latent = model.encode(images).latent_dist
            output = model.decode(latent.mean + latent.std * noise).sample
        latent, output = DiagonalGaussianDistribution(latent.parameters.float()), output.float()
        reconstruction = reconstruction_loss(output, images, settings)
        kl = latent.kl().mean() / latent.mean[0].numel()
        update(reconstruction + settings.kl_weight * kl, optimizer, [model], ema)
        mse = (output.clamp(-1, 1) - images).square().mean() / 4
        numbers = {"loss": reconstruction.detach(), "kl": kl.detach(), "psnr": -10 * mse.detach().log10()}
        return numbers | {"samples": len(images)}

    parts = {"model": model, "ema": ema, "optimizer": optimizer}

    def save(done: int) -> None:
        save_autoencoder(output_dir, ema.module)

    train("autoencoder", draw, learn, parts, output_dir, settings, compute, save)
    ema.module.cpu()
    averaged: Any = ema.module
    quality = held_out_quality(averaged, world, settings)
    averaged.register_to_config(scaling_factor=1 / quality["latent_std"])
    save_autoencoder(output_dir, averaged)
    write_json(output_dir / "metrics.json", {"settings": asdict(settings), "held_out": quality})
    return output_dir


def save_autoencoder(output_dir: str | Path, model: AutoencoderKL) -> None:
    """Write vae/ in `output_dir`, whole or not at all."""
    with whole_folder(Path(output_dir) / "vae") as folder:
        model.save_pretrained(folder)


def load_autoencoder(autoencoder_dir: str | Path) -> AutoencoderKL:
    """Load the AutoencoderKL in float32, frozen."""
    with trained_part(autoencoder_dir, "autoencoder", "vae") as folder:
        model = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True)
    return model.float().eval().requires_grad_(False)
