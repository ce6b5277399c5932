"""What an experiment needs on this machine: weights, archives, folders that a user provides.

for need in missing(experiment):
    print(need.what, need.remedy)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cosalpure.bundled import is_bundled, located
from cosalpure.data.published import PUBLISHED
from cosalpure.experiment.experiment import Experiment
from cosalpure.experiment.files import read_files
from cosalpure.experiment.layout import Layout
from cosalpure.methods import FAMILIES
from cosalpure.weights import Source, read_sources, state

TRAINED = re.compile(Layout().model(r"([a-z0-9]+)(?:-([a-z0-9-]+))?\.safetensors"))  # NETWORK or NETWORK-VARIANT
STARTS = ("classifier", "start")  # keys of trainings that name files of weights


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
    settings: Mapping[str, object]

    @property
    def starts(self) -> list[str]:
        """The files of weights that it starts from, where they lie."""
        return [located(str(self.settings[key])) for key in STARTS if self.settings.get(key)]

    @property
    def images(self) -> str | None:
        """The folder of images that it is made from, if it names one."""
        return str(found) if (found := self.settings.get("images")) else None


def weights_files(experiment: Experiment) -> list[str]:
    """List the files of weights that an experiment names; one of the Hugging Face hub is none."""
    model = experiment.text_to_image.path
    found = [] if model.startswith("hf:") else [f"{located(model)}/model_index.json"]
    found += named_weights(experiment)
    for training in trainings(experiment):
        found += training.starts
    return list(dict.fromkeys(found))


def trainings(experiment: Experiment) -> list[Training]:
    """List the trainings whose results an experiment names as weights, such as that of liif-imagenet."""
    found = {}
    for path in named_weights(experiment):
        match = TRAINED.fullmatch(path)
        if match and match[2]:
            name = f"{match[1]}-{match[2]}"
            if training_file(name).is_file():
                found[path] = read_training(name, path)
    return list(found.values())


def training_file(name: str) -> Path:
    """Locate the settings of a training that a configuration may name."""
    return Path(f"config/train/{name}.yaml")


def read_training(name: str, result: str = "") -> Training:
    """Read config/train/NAME.yaml."""
    file = training_file(name)
    return Training(name, result, file, read_files([file]))


def named_weights(experiment: Experiment) -> list[str]:
    """List the files of weights that the settings of methods name, in their order; some may come twice."""
    entries = [its for family in FAMILIES for its in experiment.methods(family).values()]
    return [file for its in entries for file in its.files]


def training_files(name: str) -> list[str]:
    """List what config/train/NAME.yaml names as input: a classifier, a start, and the folder of images once it is there.

    A folder or a settings file that is not there stops the run before it starts (`missing`), not the planning of jobs.
    """
    if not training_file(name).is_file():
        return []
    training = read_training(name)
    images = training.images
    return training.starts + ([images] if images and Path(images).is_dir() else [])


def missing(experiment: Experiment) -> list[Need]:
    """List what an experiment needs and this machine lacks; what a user must provide comes first."""
    found = [*_images(experiment), *_weights(experiment), *_archives(experiment)]
    return sorted(found, key=lambda need: not need.provided)


def _images(experiment: Experiment) -> list[Need]:
    found = []
    for training in trainings(experiment):
        if Path(training.result).exists():
            continue
        images = training.images
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


def _weights(experiment: Experiment) -> list[Need]:
    published = {f"weights/{its.marker}": its for its in read_sources(experiment.sources).values()}
    trained = {training.result: training for training in trainings(experiment)}
    found = []
    for path in weights_files(experiment):
        if path in published:
            found += _published(published[path])
        elif not Path(path).is_file():
            found.append(_made(path, trained))
    return found


def _published(its: Source) -> list[Need]:
    """Say what to do for a published file of weights; nothing where it is there."""
    trouble = state(its, "weights")
    if trouble == "have":
        return []
    if trouble.startswith("unusable"):
        remedy = f"{trouble}; move it away, then: cosalpure weights fetch {its.name}"
        return [Need(f"weights/{its.file}", remedy, True, "fetch_weights")]
    remedy = f"fetched by the workflow, or by hand: cosalpure weights fetch {its.name} ({its.sources[0]})"
    what = f"weights/{its.file} ({its.megabytes:,.0f} MB)"
    return [Need(what, remedy, False, "fetch_weights", its.megabytes)]


def _made(path: str, trained: Mapping[str, Training]) -> Need:
    """Say what to do for a file of weights that is not published and not there."""
    if path in trained:
        return Need(path, f"trained by the workflow as {trained[path].file} says", False, "train_network_configured")
    match = TRAINED.fullmatch(path)
    if match and not match[2]:
        return Need(path, "trained by the workflow (rules/train.smk)", False, "train_network")
    if match:
        file = training_file(f"{match[1]}-{match[2]}")
        return Need(path, f"trained by the workflow as {file} says, which is not in this folder: copy it", True, "")
    if is_bundled(path):
        return Need(path, f"it ships with cosalpure: install it again, or in a clone: git checkout -- {path}", True, "")
    return Need(path, "no rule makes it: correct the path in the experiment, or put the file there", True, "")


def _archives(experiment: Experiment) -> list[Need]:
    data, found = read_sources(experiment.sources, "data"), []
    for name in dict.fromkeys(condition[0] for condition in experiment.conditions):
        its = experiment.datasets[name]
        if its.path is not None:
            if not Path(its.path).exists():
                remedy = f"no such file or folder: correct datasets.{name}.path"
                found.append(Need(f"{its.path}: dataset {name}", remedy, True, "make_dataset"))
        elif its.settings.source in PUBLISHED:
            found += _archive(name, data[its.settings.source])
    return found


def _archive(dataset: str, source: Source) -> list[Need]:
    """Say what to do for the archive of a published dataset; nothing where it is there."""
    archive = source.path("datasets")
    if archive.exists():
        return []
    remedy = (
        f"fetched by the workflow, or by hand: cosalpure data fetch {source.name} ({source.sources[0]}); "
        f"or name a folder that you have: datasets.{dataset}.path"
    )
    return [Need(f"{archive} ({source.megabytes:,.0f} MB)", remedy, False, "fetch_archive", source.megabytes)]
