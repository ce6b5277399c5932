"""Pairs of attacked and clean images, from which the continuous representation learns: the paper's Sec. 5.1.

The input is a small image under PGD against a classifier, the target the same image, clean and larger. Attacks are
computed once for all images and kept as uint8 on disk, as the paper's dataset was: ten passes of the classifier an
image, which would otherwise be paid at every step.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import gcd
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from tqdm import tqdm

from cosalpure import networks
from cosalpure.data.mini import MiniWorld
from cosalpure.errors import UserError
from cosalpure.io import read_pixels, to_uint8, whole_file
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train.batches import in_order
from cosalpure.train.common import write_json

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
READERS = 4  # threads that decode a folder's images


class Source(Protocol):
    """Images of one size and their labels, -1 where there is none: `Scenes`, `Folder` or `Some` of either."""

    labels: torch.Tensor

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int]) -> torch.Tensor:
        """Read images (n, 3, side, side), uint8."""
        ...


class Classifier:
    """Images (N, 3, H, W) in [0, 1] -> logits, by a resneta50b; on `device`, by default the GPU if there is one."""

    def __init__(self, weights: str | Path, device: torch.device | str | None = None) -> None:
        self.device = torch.device(device or networks.default_device())
        self.network = networks.load("resneta50b", weights).to(self.device)
        self.classes = self.network.output.out_features
        header = networks.read_header(weights) if Path(weights).suffix == ".safetensors" else {}
        self.concepts = json.loads(header.get("training", "{}")).get("concepts")  # names of its classes, if it says

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Classify images (N, 3, H, W), RGB, [0, 1]: logits (N, classes)."""
        logits: torch.Tensor = self.network(networks.normalise(images.to(self.device)))
        return logits


class Scenes:
    """Benchmark-like scenes and portraits of mini concepts, composed at `side` px and kept in memory as uint8."""

    def __init__(
        self,
        concepts: Sequence[str],
        scenes: int,
        portraits: int,
        side: int,
        seed: int,
        classifier: Classifier,
        workers: int = 0,
    ) -> None:
        world = MiniWorld(size=side)

        def compose(concept: str) -> list[np.ndarray]:
            rng = numpy_generator(seed, "pairs", concept)
            images = [*world.group(rng, concept, scenes, concepts)[0]] if scenes else []
            return images + [world.portrait(rng, concept)[0] for _ in range(portraits)]

        composed = tqdm(in_order(compose, concepts, workers), desc="composing", total=len(concepts), mininterval=5)
        images = [image for of_concept in composed for image in of_concept]
        self.images = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # a view: memory stays (N, H, W, 3)
        known = classifier.concepts or []
        classes = [known.index(concept) if concept in known else -1 for concept in concepts]
        self.labels = torch.tensor(classes).repeat_interleave(scenes + portraits)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def read(self, indices: Sequence[int]) -> torch.Tensor:
        """Read images (n, 3, side, side), uint8."""
        return self.images[torch.as_tensor(indices)]


class Folder:
    """The images below a folder, read when asked for: the largest central square at `side` px.

    Labels are the sorted class folders' numbers if there are as many of these as the classifier has classes, as in
    ImageNet's own layout; else there are none.
    """

    def __init__(self, root: str | Path, side: int, classifier: Classifier) -> None:
        root, self.side = Path(root), side
        if not root.is_dir():
            raise UserError(f"{root}: no such folder; setting 'images' is a folder of images")
        found = (path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
        self.paths = sorted(path for path in found if not path.name.startswith("."))
        if len(self.paths) < 2:  # one to learn from, one held out
            endings = ", ".join(sorted(SUFFIXES))
            raise UserError(f"{root}: {len(self.paths)} image(s) there; expected two or more that end with {endings}")
        inner = [path.relative_to(root).parts[:-1][:1] for path in self.paths]  # (class folder,), or () for none
        numbers = {folder: number for number, folder in enumerate(sorted(set(inner)))}
        labelled = all(inner) and len(numbers) == classifier.classes
        self.labels = torch.tensor([numbers[folder] if labelled else -1 for folder in inner])

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> torch.Tensor:
        """Read images (n, 3, side, side), uint8."""
        with ThreadPoolExecutor(READERS) as readers:
            images = list(readers.map(lambda index: self._square(self.paths[index]), indices))
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)

    def _square(self, path: Path) -> np.ndarray:
        image = Image.fromarray(read_pixels(path, "RGB"))
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        box = (left, top, left + short, top + short)
        return np.asarray(image.resize((self.side, self.side), Image.Resampling.BICUBIC, box=box))


class Some:
    """A part of a source: the images at `indices`."""

    def __init__(self, source: Source, indices: Sequence[int]) -> None:
        self.source, self.indices = source, np.asarray(indices)
        self.labels = source.labels[torch.from_numpy(self.indices)]

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, indices: Sequence[int]) -> torch.Tensor:
        """Read images (n, 3, side, side), uint8."""
        return self.source.read(self.indices[np.asarray(indices)])


class Pairs:
    """Attacked inputs at `its.side` px (kept in `folder`) beside the clean images of `source` at `its.target_side`."""

    def __init__(self, source: Source, classifier: Classifier, folder: Path, its: Any) -> None:
        self.source, self.its = source, its
        unit = its.target_side // gcd(its.side, its.target_side)
        self.grid = its.side // gcd(its.side, its.target_side)  # a crop starts where target pixels start too
        if its.crop % self.grid or not self.grid <= its.crop <= its.side:
            raise UserError(
                f"--settings: crop: {its.crop} of {its.side} px is no whole number of the {its.target_side} px of the "
                f"target; choose a multiple of {self.grid} (each {unit} px of it) up to {its.side}"
            )
        self.attacked = attack_all(Path(folder) / "attacked.npy", source, classifier, its)

    def draw(self, random: torch.Generator, n: int, output: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw `n` crops: inputs (n, 3, crop, crop) and targets (n, 3, output, output) in [-1, 1].

        A share `its.unattacked` of the inputs is the clean image itself, made small.
        """
        its = self.its
        chosen = torch.randint(len(self.source), (n,), generator=random).tolist()
        corners = torch.randint((its.side - its.crop) // self.grid + 1, (n, 2), generator=random) * self.grid
        clean = torch.rand(n, generator=random) < its.unattacked
        large = self.source.read(chosen).float() / 255
        inputs, targets = [], []
        for row, index in enumerate(chosen):
            y, x = corners[row].tolist()
            whole = resize(large[row : row + 1], its.side)[0] if clean[row] else self._attacked(index)
            inputs.append(whole[:, y : y + its.crop, x : x + its.crop])
            top, left, side = (length * its.target_side // its.side for length in (y, x, its.crop))
            targets.append(large[row, :, top : top + side, left : left + side])
        return torch.stack(inputs) * 2 - 1, resize(torch.stack(targets), output) * 2 - 1

    def _attacked(self, index: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self.attacked[index])).float() / 255


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Resize images (N, 3, H, W) in [0, 1] to `side` px, bicubic with antialiasing, in steps of 1/255 as files have."""
    if tuple(images.shape[-2:]) == (side, side):
        return images
    images = F.interpolate(images, (side, side), mode="bicubic", antialias=True)
    return (images.clamp(0, 1) * 255).round() / 255


def attack_all(path: Path, source: Source, classifier: Classifier, its: Any) -> np.ndarray:
    """Attack every image of `source` at `its.side` px by PGD: uint8 (N, 3, side, side), kept as a .npy at `path`."""
    keys = ("images", "classifier", "side", "target_side", "scenes", "portraits", "epsilon", "attack_step")
    made_with = {"count": len(source), **{key: getattr(its, key) for key in (*keys, "attack_steps", "seed")}}
    recipe = path.with_suffix(".json")
    if path.exists() and recipe.exists():
        if json.loads(recipe.read_text()) != made_with:
            raise UserError(f"{path}: made with other settings; delete it to attack anew")
        return _mapped(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        shape = (len(source), 3, its.side, its.side)
        pool = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        for start in tqdm(range(0, len(source), its.attack_batch), desc="attacking", mininterval=5):
            indices = range(start, min(start + its.attack_batch, len(source)))
            pool[start : indices.stop] = to_uint8(attack(source, indices, classifier, its)[1])
        pool.flush()
    write_json(recipe, made_with)
    return _mapped(path)


def _mapped(path: Path) -> np.ndarray:
    images: np.ndarray = np.load(path, mmap_mode="r")
    return images


def attack(
    source: Source, indices: Sequence[int], classifier: Classifier, its: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the images at `indices`, clean and attacked, each (n, 3, side, side) in [0, 1]."""
    clean = resize(source.read(indices).float() / 255, its.side)
    draws = [generator(its.seed, "pgd", index) for index in indices]
    return clean, pgd(clean, source.labels[list(indices)], classifier, draws, its)


def pgd(
    images: torch.Tensor, labels: torch.Tensor, classifier: Classifier, generators: Sequence[torch.Generator], its: Any
) -> torch.Tensor:
    """Attack images (N, 3, H, W) in [0, 1] by projected gradient descent (Madry et al., ICLR 2018), L-infinity norm.

    `its` has epsilon (the bound), attack_step and attack_steps; the random start is each image's generator's. Raises
    the cross entropy of the label, or of the classifier's own prediction where the label is -1.
    """
    device = classifier.device
    with torch.no_grad():
        labels = torch.where(labels.to(device) < 0, classifier(images).argmax(1), labels.to(device))
    start = torch.stack([torch.rand(images.shape[1:], generator=generator) for generator in generators]) * 2 - 1
    images, start = images.to(device), start.to(device)
    low, high = (images - its.epsilon).clamp(min=0), (images + its.epsilon).clamp(max=1)
    attacked: torch.Tensor = (images + its.epsilon * start).clamp(0, 1)
    for _ in range(its.attack_steps):
        attacked.requires_grad_(True)
        loss = F.cross_entropy(classifier(attacked), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, attacked)
        attacked = torch.clamp(attacked.detach() + its.attack_step * gradient.sign(), low, high)
    return attacked.cpu()
