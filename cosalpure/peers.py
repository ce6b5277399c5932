"""Published code that `cosalpure bench --peer PATH` can time: how a checkout is recognised, and what is measured of it.

None of it is stored here. It runs from the user's checkout as it is; benchmarks/originals/ adapts devices and imports in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from cosalpure.errors import UserError


@dataclass(frozen=True)
class Work:
    """One comparison: a stage's `script` of benchmarks/ with `options`, and `smallest` to see whether it works."""

    work: str  # its row in the table
    stage: str
    script: str
    options: tuple[str, ...] = ()
    smallest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """A public repository: files that only it has, the packages that its measured part imports, and what is measured."""

    name: str  # as on GitHub
    files: tuple[str, ...]
    packages: tuple[str, ...]
    works: tuple[Work, ...] = field(repr=False)


_LEARN = ("--images", "2", "--steps", "3", "--batch", "2")
_ONE = ("--images", "1")
_BASELINES = ("--images", "1", "--timestep", "4")
_LEARNING = Work("textual inversion, 60 steps of 8 at 64 px", "concept", "learning_script.py", smallest=_LEARN)
_GROUP = ("--images", "5", "--group", "5")

PEERS = (
    Peer(
        "huggingface/diffusers",
        ("examples/textual_inversion/textual_inversion.py",),
        ("accelerate", "torchvision"),
        (_LEARNING,),
    ),
    Peer(
        "V1len/CosalPure",
        ("concept_learning.py", "concept_guided_purification.py", "evaluate.ipynb"),
        ("accelerate", "torchvision", "yacs"),
        (
            _LEARNING,
            Work("purification, 8 images of 64 px", "purify", "purify_script.py", ("--side", "64"), _ONE),
            Work("purification, 8 images of 128 px", "purify", "purify_script.py", ("--side", "128"), _ONE),
            Work("five metrics of a map of 224 px", "score", "metrics.py", smallest=("--images", "3", "--side", "32")),
            Work("GCAGC, a group of 10", "detect", "gcagc_graph.py", ("--images", "10"), _GROUP),
        ),
    ),
    Peer(
        "tsingqguo/jadena",
        ("example.py", "lib/bias_field_attack.py", "lib/augment.py"),
        ("scipy",),
        (
            Work("Jadena, 8 images of 64 px", "degrade", "jadena_batch.py", smallest=("--images", "1", "--side", "32")),
            Work("Jadena, an image of 224 px", "degrade", "jadena_batch.py", ("--images", "1", "--side", "224")),
        ),
    ),
    Peer(
        "lartpang/PySODMetrics",
        ("py_sod_metrics/sod_metrics.py",),
        ("cv2", "scipy", "skimage"),
        (Work("F, E, S, weighted F of a map of 224 px", "score", "further_metrics.py", smallest=("--images", "1")),),
    ),
    Peer(
        "ltp1995/GCAGC-CVPR2020",
        ("model3/model2_graph4_hrnet_sal.py", "loss.py"),
        ("yacs",),
        (
            Work(
                "GCAGC, 10 images in groups of 5",
                "detect",
                "gcagc_graph.py",
                ("--images", "10", "--group", "5"),
                _GROUP,
            ),
        ),
    ),
    Peer(
        "yinboc/liif",
        ("models/liif.py", "models/edsr.py", "demo.py"),
        ("torchvision", "yaml", "imageio"),
        (
            Work("LIIF, small, 8 images of 64 to 128 px", "purify", "liif_resize.py", smallest=_ONE),
            Work(
                "LIIF, full width, 2 images of 64 to 128 px",
                "purify",
                "liif_resize.py",
                ("--network", "official", "--images", "2"),
                ("--network", "official", "--images", "1", "--side", "16"),
            ),
        ),
    ),
    Peer(
        "NVlabs/DiffPure",
        ("runners/diffpure_guided.py", "runners/diffpure_sde.py"),
        ("torchvision", "torchsde"),
        (
            Work(
                "DiffPure, ddpm, 2 images of 64 px",
                "purify",
                "baselines.py",
                ("--method", "ddpm", "--images", "2"),
                _BASELINES,
            ),
            Work(
                "DiffPure, sde, 2 images of 64 px",
                "purify",
                "baselines.py",
                ("--method", "sde", "--images", "2"),
                _BASELINES,
            ),
        ),
    ),
    Peer(
        "shiyegao/DDA",
        ("image_adapt/guided_diffusion/gaussian_diffusion.py", "image_adapt/resize_right.py"),
        (),
        (
            Work(
                "DDA, 4 images of 64 px in one batch",
                "purify",
                "baselines.py",
                ("--method", "dda", "--images", "4"),
                _BASELINES,
            ),
            Work(
                "DDA, one image of 64 px",
                "purify",
                "baselines.py",
                ("--method", "dda", "--images", "1", "--batch", "1"),
                _BASELINES,
            ),
        ),
    ),
)


def recognise(path: str | Path) -> Peer:
    """Say which repository's checkout `path` is.

    Raises:
        UserError: if it is none of `PEERS`; it names them.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"--peer {path}: no such folder; expected a checkout of a repository")
    found = [peer for peer in PEERS if all((folder / file).is_file() for file in peer.files)]
    if len(found) != 1:
        known = ", ".join(peer.name for peer in PEERS)
        raise UserError(f"--peer {path}: not the top folder of a known repository; known are {known}")
    return found[0]


def check_packages(peer: Peer) -> None:
    """Check that the packages which the peer imports are installed.

    Raises:
        UserError: naming those that are not.
    """
    missing = [name for name in peer.packages if find_spec(name) is None]
    if missing:
        raise UserError(f"{peer.name} imports {', '.join(missing)}, which is not installed; install it and start again")


def of_stages(peer: Peer, stages: Sequence[str]) -> list[Work]:
    """List what is measured of a peer: all, or that of `stages`.

    Raises:
        UserError: for a stage of which it has nothing.
    """
    known = list(dict.fromkeys(work.stage for work in peer.works))
    for stage in stages:
        if stage not in known:
            raise UserError(f"bench {stage}: {peer.name} has no such stage; it has {', '.join(known)}")
    return [work for work in peer.works if not stages or work.stage in stages]
