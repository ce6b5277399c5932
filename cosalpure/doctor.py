"""`cosalpure doctor`: what this machine has, and whether the default run could start."""

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cosalpure import settings
from cosalpure.errors import UserError
from cosalpure.weights import read_sources

PACKAGES = "snakemake torch diffusers transformers pandas pyarrow scikit-image tabulate pydantic pillow".split()


def run(config):
    """Print the findings; exit status 1 if something that the configuration needs is missing."""
    problems = []
    print(
        f"python        {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    for package in PACKAGES:
        if found := installed(package):
            print(f"{package:13} {found}")
        else:
            problems.append(f"{package} is not installed: pip install -r requirements.txt")
    print(f"device        {device()}")
    free = shutil.disk_usage(".").free
    print(f"free disk     {free / 2**30:.1f} GiB")
    if free < 2**30:
        problems.append("less than 1 GiB of free disk: the default run needs about 0.1 GiB, paper-scale runs far more")
    try:
        chosen = settings.load(settings.read_files([config]), where=config)
        print(f"configuration {config}: valid, {len(chosen.expand())} conditions")
        problems += _weights(chosen)
    except UserError as error:
        problems += str(error).splitlines()
    for problem in problems:
        print(f"PROBLEM       {problem}")
    print("all is well" if not problems else f"{len(problems)} problem(s)")
    return 1 if problems else 0


def installed(package):
    """The version of a package, None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def device():
    """The device that torch would use."""
    try:
        import torch
    except ImportError:
        return "unknown (no torch)"
    if torch.cuda.is_available():
        return f"cuda: {', '.join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))}"
    return "cpu"


def _weights(chosen):
    """Print each weights file that the configuration names; the problems found."""
    published = {f"weights/{source.marker}": name for name, source in read_sources(chosen.sources).items()}
    problems = []
    for path in sorted(_weights_files(chosen)):
        there = Path(path).is_file()
        print(f"weights       {path}: {'present' if there else 'MISSING'}")
        if not there and path in published:
            problems.append(
                f"{path} is missing: the workflow fetches it, or: cosalpure weights fetch {published[path]}"
            )
        elif not there:
            problems.append(f"{path} is missing: it is in git (git checkout -- {path}), or train it (rules/train.smk)")
    return problems


def _weights_files(chosen):
    """The weights files that a configuration names."""
    model = chosen.text_to_image.path
    paths = set() if model.startswith("hf:") else {f"{model}/model_index.json"}
    for family in settings.FAMILIES:
        for name in getattr(chosen, family):
            values = chosen.method_settings(family, name)
            for key in ("surrogate", "weights", "continuous"):
                named = getattr(values, key, None) or ()
                paths |= {named} if isinstance(named, str) else set(named)
    return paths
