"""The options that several commands share, and what is read from them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosalpure.errors import UserError
from cosalpure.experiment.files import DEFAULT
from cosalpure.experiment.layout import Layout

if TYPE_CHECKING:
    from cosalpure.experiment.experiment import Experiment
    from cosalpure.labels import Entries

LAYOUT = Layout()
EXPERIMENT = f"An experiment file, then its variants, in the order of snakemake --configfile. Default: {DEFAULT}."


def limit_threads(threads: int) -> int:
    """Limit the CPU threads before torch is imported: more slow other processes down and change rounding."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    return threads


def output(text: str) -> Any:
    """Make the option --output of a command, with what it writes."""
    return typer.Option("--output", metavar="PATH", help=text)


def several(name: str, metavar: str, text: str) -> Any:
    """Make an option that takes several values: `--only a b`."""
    return typer.Option(name, metavar=f"{metavar}...", help=text)


Data = Annotated[str, typer.Option("--data", metavar="DIR", help="Folder of the dataset.")]
Images = Annotated[
    str, typer.Option("--images", metavar="DIR", help="Folder that holds images/, such as a dataset or a degradation.")
]
Concepts = Annotated[str, typer.Option("--concepts", metavar="DIR", help="Folder of the learned concepts.")]
Results = Annotated[str, typer.Option("--results", metavar="DIR", help="Folder of the results.")]
Groups = Annotated[
    str,
    typer.Option(
        "--groups", metavar="A:B", help="Groups A to B - 1, counted from 0. Default: all.", show_default=False
    ),
]
Settings = Annotated[
    str, typer.Option("--settings", metavar="YAML", help="Settings, as inline YAML or JSON.", show_default=False)
]
Model = Annotated[
    str,
    typer.Option(
        "--text-to-image",
        metavar="YAML",
        help="Settings of the text-to-image model, as inline YAML.",
        show_default=False,
    ),
]
EntryLabels = Annotated[
    str,
    typer.Option(
        "--entries",
        metavar="YAML",
        help="Labels and roles, as `cosalpure config entries FILE` prints them. Default: those of the methods.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed from which all randomness is derived.")]
Threads = Annotated[
    int,
    typer.Option(
        "--threads",
        min=1,
        max=1024,
        callback=limit_threads,
        help="Number of CPU threads. Results can differ between numbers.",
    ),
]
Folder = Annotated[str, typer.Option("--folder", metavar="DIR", help="Folder of the downloaded files.")]
Sources = Annotated[
    str | None, typer.Option("--sources", metavar="FILE", help="Table of sources. Default: the bundled one.")
]
Experiments = Annotated[list[str] | None, typer.Argument(metavar="FILE", help=EXPERIMENT)]
Benchmarks = Annotated[
    str, typer.Option("--benchmarks", metavar="DIR", help="Folder of the job times that Snakemake measured.")
]

ALL = "0:100000"  # groups
NO_SETTINGS = "{}"


def read_settings(cls: Any, text: str, where: str = "--settings") -> Any:
    """Read a settings model of class `cls` from inline YAML."""
    from cosalpure.schema import parse

    return parse(cls, text, where)


def read_model(text: str) -> Any:
    """Read the settings of the text-to-image model from --text-to-image."""
    from cosalpure.diffusion.settings import TextToImage

    return read_settings(TextToImage, text, "--text-to-image")


def read_statistics(text: str) -> Any:
    """Read the settings of the bootstrap from --settings."""
    from cosalpure.score.settings import Statistics

    return read_settings(Statistics, text)


def read_entries(text: str) -> "Entries":
    """Read the labels and roles of --entries."""
    from cosalpure.experiment.parse import parse_entries

    entries: Entries = parse_entries(text, "--entries")
    return entries


def read_experiment(files: list[str] | None) -> "Experiment":
    """Read an experiment file and its variants."""
    from cosalpure.experiment.parse import load_files

    experiment: Experiment = load_files(files or [DEFAULT])
    return experiment


def apart(output: str, *inputs: str | None) -> None:
    """Refuse an --output that is one of the folders that are read."""
    for folder in filter(None, inputs):
        if Path(output).resolve() == Path(folder).resolve():
            raise UserError(f"--output {output}: is read by the same command; choose another folder")


def span_of(groups: str, data: str) -> str:
    """Cut --groups to the groups that the dataset has."""
    from cosalpure.data import parse_span, read_manifest

    start, end = parse_span(groups)
    count = read_manifest(data).slug.nunique()
    return f"{start}:{max(start + 1, min(end, count))}"
