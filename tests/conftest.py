"""Shared by all tests; standing here, it makes `tests/` importable (`from golden import loader`)."""

import pytest
import torch
from warm import Warm


def pytest_itemcollected(item):
    """What takes minutes is slow, too, so that `-m "not slow"` selects what `make check` runs (docs/project/contributing.md)."""
    if any(map(item.get_closest_marker, ("workflow", "slurm", "long"))):
        item.add_marker("slow")


def pytest_collection_modifyitems(items):
    """The files that take minutes come first, so that in the end no process is left alone with one of them."""
    items.sort(key=lambda item: 0 if "slurm" in item.keywords else 1 if "workflow" in item.keywords else 2)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Results hold for one number of threads; one also leaves the other cores to other tests."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """For jobs that start at once. Real ones are those of SLURM, of the wheel, of Ctrl-C and of the job that is killed."""
    with Warm(tmp_path_factory.mktemp("warm") / "environment") as warm:
        yield warm


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory):
    """A diffusers folder with all components of Stable Diffusion, random weights, a few thousand parameters."""
    from cosalpure.train.autoencoder import AutoencoderSettings, build_autoencoder
    from cosalpure.train.text_encoder import TextEncoderSettings, build_text_encoder, make_tokenizer
    from cosalpure.train.text_to_image import TextToImageSettings, build_unet, export_pipeline

    tokenizer = make_tokenizer(["goat", "barber pole"])
    text_encoder = build_text_encoder(tokenizer, TextEncoderSettings(width=16, layers=1, heads=2))
    vae = build_autoencoder(AutoencoderSettings(channels=(8, 8, 8), latent_channels=4, norm_groups=4))
    unet = build_unet(TextToImageSettings(channels=(8, 8, 16), heads=(2, 2, 2), norm_groups=4), 4, 16)
    torch.nn.init.normal_(unet.conv_out.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    return export_pipeline(tmp_path_factory.mktemp("pipeline") / "tiny", tokenizer, text_encoder, vae, unet)


@pytest.fixture(scope="session")
def tiny_model(tiny_pipeline):
    from cosalpure.diffusion.text_to_image import TextToImage

    return TextToImage(tiny_pipeline, resolution=32)


@pytest.fixture(scope="session")
def tiny_liif(tmp_path_factory):
    """A weights file of a tiny LIIF that interpolates bilinearly."""
    from cosalpure import networks
    from cosalpure.train.liif import LIIFSettings, start_network

    network, arch = start_network(LIIFSettings(channels=4, blocks=1, hidden=(8, 8)))
    path = tmp_path_factory.mktemp("liif") / "tiny.safetensors"
    networks.save_weights(path, network, arch, "liif")
    return path


@pytest.fixture
def images():
    """Five random images, (5, 3, 32, 32) in [0, 1]."""
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="session")
def tiny_adm(tmp_path_factory):
    """The weights file of an ADM of two levels, random, its last layer too; for sides that are multiples of 2."""
    from cosalpure import networks
    from cosalpure.train.common import seeded

    arch = dict(image_size=32, channels=32, channel_mult=(1, 1), blocks=1, attention=(), head_channels=16)
    with seeded(0, "tiny adm"):
        network = networks.build("adm", **arch)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    path = tmp_path_factory.mktemp("adm") / "adm.safetensors"
    networks.save_weights(path, network, arch, "adm")
    return str(path)
