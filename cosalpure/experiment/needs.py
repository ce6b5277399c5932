"""What an experiment needs on this machine: weights, archives, folders that a user provides.

for need in missing(settings):
    print(need.what, need.remedy)
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosalpure.data.published import PUBLISHED
from cosalpure.experiment.experiment import Settings
from cosalpure.experiment.files import read_files
from cosalpure.experiment.layout import Layout
from cosalpure.methods import METHODS
from cosalpure.weights import read_sources, state

TRAINED = re.compile(Layout().model(r"([a-z0-9]+)(?:-([a-z0-9-]+))?\.safetensors"))  # NETWORK or NETWORK-VARIANT
STARTS = ("classifier", "start")  # keys of trainings that name files of weights
BUNDLED = "resources/"  # what ships with the repository


@dataclass(frozen=True)
class Need:
    """Something that is not here. `provided` says that a user must bring it; else the workflow makes or fetches it."""

    what: str
    remedy: str
    provided: bool
    rule: str  # the rule that cannot run without it, or that gets it
    megabytes: float = 0.0  # to be downloaded


@dataclass(frozen=True)
class Training:
    """A training that an experiment asks for by naming its result: config/train/NAME.yaml."""

    name: str
    result: str
    file: Path
    settings: dict[str, Any]


def weights_files(settings: Settings) -> list[str]:
    """List the files of weights that an experiment names; one of the Hugging Face hub is none."""
    model = settings.text_to_image.path
    found = [] if model.startswith("hf:") else [f"{model}/model_index.json"]
    found += named_weights(settings)
    for training in trainings(settings):
        found += [training.settings[key] for key in STARTS if training.settings.get(key)]
    return list(dict.fromkeys(found))


def trainings(settings: Settings) -> list[Training]:
    """List the trainings whose results an experiment names as weights, such as that of liif-imagenet."""
    found = {}
    for path in named_weights(settings):
        match = TRAINED.fullmatch(path)
        if match and match[2]:
            name = f"{match[1]}-{match[2]}"
            file = Path(f"config/train/{name}.yaml")
            if file.is_file():
                found[path] = Training(name, path, file, read_files([file]))
    return list(found.values())


def named_weights(settings: Settings) -> list[str]:
    """List the files of weights that the settings of methods name, in their order; some may come twice."""
    found = []
    for family in METHODS:
        for name in getattr(settings, family):
            found += settings.files(family, name)
    return found


def training_files(name: str) -> list[str]:
    """List what config/train/NAME.yaml names as input: a classifier, a start, and the folder of images once it is there.

    A folder that is not there stops the run before it starts (`missing`), not the planning of jobs.
    """
    settings = read_files([f"config/train/{name}.yaml"])
    images = settings.get("images")
    return [settings[key] for key in STARTS if settings.get(key)] + (
        [images] if images and Path(images).is_dir() else []
    )


def missing(settings: Settings) -> list[Need]:
    """List what an experiment needs and this machine lacks; what a user must provide comes first."""
    found = [*_images(settings), *_weights(settings), *_archives(settings)]
    return sorted(found, key=lambda need: not need.provided)


def _images(settings: Settings) -> list[Need]:
    found = []
    for training in trainings(settings):
        if Path(training.result).exists():
            continue
        images = training.settings.get("images")
        if images and not Path(images).is_dir():
            found.append(
                Need(
                    f"{images}/: the folder of images that {training.result} is trained from",
                    "for the paper 50 images of each of ImageNet's 1000 classes, in class folders "
                    "(https://image-net.org, after registration); without ImageNet add config/variants/liif-edsr.yaml",
                    provided=True,
                    rule="train_network_configured",
                )
            )
    return found


def _weights(settings: Settings) -> list[Need]:
    published = {f"weights/{its.marker}": its for its in read_sources(settings.sources).values()}
    trained = {training.result: training for training in trainings(settings)}
    found = []
    for path in weights_files(settings):
        if path in published:
            its = published[path]
            trouble = state(its, "weights")
            if trouble == "have":
                continue
            if trouble.startswith("unusable"):
                remedy = f"{trouble}; move it away, then: cosalpure weights fetch {its.name}"
                found.append(Need(f"weights/{its.file}", remedy, True, "fetch_weights"))
                continue
            remedy = f"fetched by the workflow, or by hand: cosalpure weights fetch {its.name} ({its.sources[0]})"
            what = f"weights/{its.file} ({its.megabytes:,.0f} MB)"
            found.append(Need(what, remedy, False, "fetch_weights", its.megabytes))
        elif Path(path).is_file():
            continue
        elif path in trained:
            remedy = f"trained by the workflow as {trained[path].file} says"
            found.append(Need(path, remedy, False, "train_network_configured"))
        elif (match := TRAINED.fullmatch(path)) and not match[2]:
            found.append(Need(path, "trained by the workflow (rules/train.smk)", False, "train_network"))
        elif path.startswith(BUNDLED):
            found.append(Need(path, f"it is part of the repository: git checkout -- {path}", True, ""))
        else:
            remedy = "no rule makes it: correct the path in the experiment, or put the file there"
            found.append(Need(path, remedy, True, ""))
    return found


def _archives(settings: Settings) -> list[Need]:
    data, found = read_sources(settings.sources, "data"), []
    for name in dict.fromkeys(condition[0] for condition in settings.expand()):
        its = settings.dataset(name)
        path = getattr(its, "path", None)
        if path is not None and not Path(path).exists():
            remedy = f"no such file or folder: correct datasets.{name}.path"
            found.append(Need(f"{path}: dataset {name}", remedy, True, "make_dataset"))
        elif its.source in PUBLISHED and path is None and not (archive := data[its.source].path("datasets")).exists():
            source = data[its.source]
            remedy = (
                f"fetched by the workflow, or by hand: cosalpure data fetch {source.name} ({source.sources[0]}); "
                f"or name a folder that you have: datasets.{name}.path"
            )
            what = f"{archive} ({source.megabytes:,.0f} MB)"
            found.append(Need(what, remedy, False, "fetch_archive", source.megabytes))
    return found
