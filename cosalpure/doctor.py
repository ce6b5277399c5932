"""`cosalpure doctor`: what this machine has, and what an experiment lacks here and where to get it."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from cosalpure.data.layouts import count_text, groups_of
from cosalpure.data.settings import FolderDataset
from cosalpure.environment import PACKAGES, device, installed, machine, python
from cosalpure.errors import UserError
from cosalpure.experiment.experiment import Experiment
from cosalpure.experiment.files import File
from cosalpure.experiment.needs import Need, missing
from cosalpure.experiment.parse import load_files
from cosalpure.extras import command

RESERVE = 1.0  # GB of disk that stay free
SHOWN = 8  # unused entries that a note names


def run(files: Sequence[File]) -> int:
    """Print what this machine has and what the experiment lacks; exit status 1 if a user must provide something."""
    experiment, problems = None, []
    try:
        experiment = load_files(files)
    except UserError as error:
        problems = str(error).splitlines()
    needs = missing(experiment) if experiment else []
    for line in needs_lines(needs):
        print(line)
    if needs:
        print()
    print(f"python        {python()}, {machine()}")
    for package in [*PACKAGES, *(further_packages(experiment, needs) if experiment else ())]:
        found = installed(package)
        print(f"{package:13} {found or 'not installed'}")
        if not found:
            problems.append(f"{package} is not installed: {command(package)}")
    print(f"device        {device()}")
    print(f"free disk     {free_gigabytes():.1f} GB")
    if experiment:
        problems += disk_problem(experiment, needs) + _tell_datasets(experiment)
        print(f"experiment    {', '.join(map(str, files))}: valid, {len(experiment.conditions)} conditions")
    for problem in problems:
        print(f"PROBLEM       {problem}")
    count = len(problems) + sum(need.provided for need in needs)
    print(f"{count} problem(s)" if count else "all is well")
    return 1 if count else 0


def _tell_datasets(experiment: Experiment) -> list[str]:
    """Print what is found in each folder of images that a condition uses; return the problems of those that are not read."""
    problems = []
    for name in dict.fromkeys(condition[0] for condition in experiment.conditions):
        its = experiment.datasets[name].settings
        if isinstance(its, FolderDataset) and Path(its.path).is_dir():
            try:
                print(f"dataset       {name}: {count_text(groups_of(its)[0])} in {its.path}")
            except UserError as error:
                problems.append(f"dataset {name}: {error}")
    return problems


def preflight(experiment: Experiment, rules: Iterable[str]) -> list[str]:
    """List, before anything is submitted, all that the planned rules lack; empty if the workflow can get it itself."""
    rules = set(rules)
    needs = [need for need in missing(experiment) if not need.rule or need.rule in rules]
    problems = [f"PROBLEM       {line}" for line in disk_problem(experiment, needs)] if "purify_images" in rules else []
    if not problems and not any(need.provided for need in needs):
        return []
    return [*needs_lines(needs), *problems]


def unused_note(experiment: Experiment) -> str:
    """Write one line that names the entries which no condition uses; empty if there are none."""
    names, more = experiment.unused[:SHOWN], len(experiment.unused) - SHOWN
    if not names:
        return ""
    rest = f" and {more} more" if more > 0 else ""
    return f"note: no condition uses {', '.join(names)}{rest}"


def needs_lines(needs: Iterable[Need]) -> list[str]:
    """Write one line per missing thing: MISSING for what a user must provide, "to get" otherwise."""
    words = {True: "MISSING", False: "to get"}
    return [f"{words[need.provided]:13} {need.what}: {need.remedy}" for need in needs]


def disk_problem(experiment: Experiment, needs: Iterable[Need]) -> list[str]:
    """Compare the free disk with the experiment's upper bound, downloads included; one line if it may not suffice."""
    from cosalpure.plan import all_work

    try:
        results = sum(item.gigabytes for item in all_work(experiment))
    except UserError:  # a dataset that is not there: a line of its own
        results = 0.0
    wanted, free = results + sum(need.megabytes for need in needs) / 1000 + RESERVE, free_gigabytes()
    if free >= wanted:
        return []
    return [
        f"{free:.1f} GB of free disk, at most {wanted:.1f} GB needed (results, downloads and {RESERVE:.0f} GB spare)"
    ]


def free_gigabytes() -> float:
    """Measure the free disk where results are written, in GB."""
    return shutil.disk_usage(".").free / 1e9


def further_packages(experiment: Experiment, needs: Iterable[Need]) -> list[str]:
    """List the packages that only some experiments need."""
    needed = ["pysodmetrics"] if experiment.score.further else []
    remote = [need.remedy for need in needs]
    needed += ["gdown"] if any("gdrive:" in line for line in remote) else []
    hub = experiment.text_to_image.path.startswith("hf:") or any("(hf:" in line for line in remote)
    return needed + (["huggingface_hub"] if hub else [])
