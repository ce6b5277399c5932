"""The mini autoencoder: 64 x 64 images to 16 x 16 x 8 latents and back, in diffusers' AutoencoderKL.

As Stable Diffusion's first stage (Rombach et al. 2022) with a quarter of the side instead of an eighth, as small
images have no room for f = 8, and without the adversarial loss, which would need far more training.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from cosalpure.data.mini import MiniWorld
from cosalpure.io import whole_folder
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train.common import EMA, seeded, train, update, write_json
from cosalpure.train.text_encoder import compose, to_tensor


@dataclass
class AutoencoderSettings:
    """How the autoencoder is built and trained."""

    seed: int = 0
    steps: int = 2300
    batch: int = 10  # the number of steps decides, not the batch
    learning_rate: float = 1.5e-3
    warmup: int = 50
    channels: tuple = (16, 32, 64)  # narrow at 64 x 64 positions, where channels cost most
    latent_channels: int = 8
    norm_groups: int = 8
    gradient_weight: float = 0.5  # of the L1 between image gradients: keeps the contours that detectors need
    square_weight: float = 2.0  # of the squared error, which is what PSNR measures
    kl_weight: float = 2e-4  # small: only keeps the latents bounded and smooth
    exposed: float = 0.6  # share of images with another exposure: attacked images must survive the round trip
    gain: tuple = (0.4, 2.2)  # its range, wider than the attack's
    portraits: float = 0.25
    ema: float = 0.998
    checkpoint_every: int = 300
    log_every: int = 25
    held_out: int = 256  # scenes for PSNR and for the latents' scale


def build_autoencoder(settings):
    """An AutoencoderKL with a downsampling factor of 4, initialised from the settings' seed."""
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


def expose(images, rng, share, gain):
    """Another exposure for a `share` of images in [0, 1]: a gain for the image times a smooth field of gains, clipped."""
    low, high = torch.tensor(gain).log()
    logs = torch.rand(len(images), 1, 1, 1, generator=rng) * (high - low) + low
    field = (torch.rand(len(images), 1, 3, 3, generator=rng) - 0.5) * 1.0
    field = F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)
    chosen = torch.rand(len(images), 1, 1, 1, generator=rng) < share
    return torch.where(chosen, images * (logs + field).exp(), images).clamp(0, 1)


def reconstruction_loss(output, images, settings):
    """L1, squared error, and L1 between horizontal and vertical gradients; images in [-1, 1]."""
    gradients = sum((output.diff(dim=d) - images.diff(dim=d)).abs().mean() for d in (2, 3))
    error = output - images
    return error.abs().mean() + settings.square_weight * error.square().mean() + settings.gradient_weight * gradients


@torch.no_grad()
def held_out_quality(model, world, settings):
    """PSNR (dB, images in [0, 1]) of the round trip on unseen scenes of dev and test at several gains; latents' std."""
    concepts = world.concepts("dev") + world.concepts("test")
    rng = numpy_generator(settings.seed, "autoencoder held-out")
    scenes = [compose(world, rng, concepts[i % len(concepts)], 0.0) for i in range(settings.held_out)]
    scenes, psnr, latents = to_tensor(scenes), {}, []
    for gain in (0.5, 1.0, 1.5):
        errors = []
        for images in (scenes * gain).clamp(0, 1).split(32):
            latent = model.encode(images * 2 - 1).latent_dist
            output = (model.decode(latent.mode()).sample / 2 + 0.5).clamp(0, 1)
            errors.append((output - images).square().mean((1, 2, 3)))
            if gain == 1.0:
                latents.append(latent.sample(generator(settings.seed, "scale")))
        psnr[f"gain {gain}"] = (-10 * torch.cat(errors).log10()).mean().item()
    return {"psnr": psnr, "latent_std": torch.cat(latents).std().item()}


def train_autoencoder(output_dir, settings=None, world=None):
    """Trains the autoencoder; writes vae/ (moving average, scaling_factor = 1 / std of latents), metrics.json."""
    settings, world, output_dir = settings or AutoencoderSettings(), world or MiniWorld(), Path(output_dir)
    model = build_autoencoder(settings)
    ema = EMA(model, settings.ema)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=1e-4)
    concepts = sorted(world.splits)  # what is seen is general, as in Stable Diffusion; only compositions are held out

    def step_function(step):
        rng, noise = numpy_generator(settings.seed, "vae", step), generator(settings.seed, "vae", step)
        chosen = rng.integers(len(concepts), size=settings.batch)
        images = to_tensor([compose(world, rng, concepts[i], settings.portraits) for i in chosen])
        images = expose(images, noise, settings.exposed, settings.gain) * 2 - 1
        latent = model.encode(images).latent_dist
        output = model.decode(latent.sample(noise)).sample
        reconstruction = reconstruction_loss(output, images, settings)
        kl = latent.kl().mean() / latent.mean[0].numel()
        update(reconstruction + settings.kl_weight * kl, optimizer, [model], ema)
        mse = (output.clamp(-1, 1) - images).square().mean() / 4
        return {"loss": reconstruction.item(), "kl": kl.item(), "psnr": -10 * mse.log10().item()}

    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    train("autoencoder", step_function, parts, output_dir, settings, lambda _: save_autoencoder(output_dir, ema.module))
    quality = held_out_quality(ema.module, world, settings)
    ema.module.register_to_config(scaling_factor=1 / quality["latent_std"])
    save_autoencoder(output_dir, ema.module)
    write_json(output_dir / "metrics.json", {"settings": asdict(settings), "held_out": quality})
    return output_dir


def save_autoencoder(output_dir, model):
    """vae/ in `output_dir`, whole or not at all."""
    with whole_folder(Path(output_dir) / "vae") as folder:
        model.save_pretrained(folder)


def load_autoencoder(autoencoder_dir):
    """The AutoencoderKL in float32, frozen."""
    model = AutoencoderKL.from_pretrained(Path(autoencoder_dir) / "vae", local_files_only=True)
    return model.float().eval().requires_grad_(False)
