"""Where every file of a run lies: the only place that spells a path under `results/` or `logs/`.

    layout = Layout()
    layout.stage("purify", "mini", "jadena", "cosalpure")               results/purify/mini/jadena/cosalpure
    layout.shard("purify", "mini", "jadena", "cosalpure", span="0000-0012")     its shards/0000-0012.parquet

Names may be Snakemake's wildcards: layout.shard("data", "{dataset}", span="{span}"). Paths are texts, relative to where
the workflow runs. What lies inside a stage's folder is the stage's own (`cosalpure.data`): images/, masks/, maps/, groups/.
"""

import os
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cosalpure.data import MANIFEST

KEYS = ("dataset", "degradation", "purifier", "detector")  # of a condition
DEPTH = {"data": 1, "degrade": 2, "concept": 2, "purify": 3, "detect": 4, "score": 4}  # keys that a stage's folder has
TABLE_KINDS = ("parquet", "csv", "md", "tex")
SPAN = "[0-9]{4}-[0-9]{4}"  # a job's groups in the names of its files
RESULTS, LOGS = "results", "logs"
SHARD_FILE = re.compile(rf"({SPAN})\.parquet")  # a half-written one has another name
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Layout:
    """The files of one run, below its folders of results and of logs."""

    results: str = RESULTS
    logs: str = LOGS

    def stage(self, stage: str, *names: str) -> str:
        """Locate the folder of a stage's entry; of the stage score, its file is `score`."""
        return "/".join((self.results, stage, *names))

    def wildcards(self, stage: str) -> tuple[str, ...]:
        """Give the names of a stage's entry as Snakemake's wildcards: ("{dataset}", "{degradation}", ...)."""
        return tuple(f"{{{key}}}" for key in KEYS[: DEPTH[stage]])

    def manifest(self, dataset: str) -> str:
        """Locate the manifest of a dataset."""
        return f"{self.stage('data', dataset)}/{MANIFEST}"

    def shard_folder(self, stage: str, *names: str) -> str:
        """Locate the folder of the records of a stage's entry."""
        return f"{self.stage(stage, *names)}/shards"

    def shard(self, stage: str, *names: str, span: str) -> str:
        """Locate the record of one job of a stage."""
        return f"{self.shard_folder(stage, *names)}/{span}.parquet"

    def finished(self, stage: str, *names: str) -> list[tuple[int, int]]:
        """List the spans of the shards of a stage's entry that are on disk, in no order."""
        try:
            files = os.listdir(self.shard_folder(stage, *names))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [span_ends(match[1]) for match in map(SHARD_FILE.fullmatch, files) if match]

    def images(self, stage: str, *names: str) -> Path:
        """Locate the folder of images of a stage's entry, one folder a group inside."""
        return Path(self.stage(stage, *names), "images")

    def masks(self, dataset: str) -> Path:
        """Locate the folder of a dataset's ground truths, one folder a group inside."""
        return Path(self.stage("data", dataset), "masks")

    def maps(self, *condition: str) -> Path:
        """Locate the folder of a condition's maps, one folder a group inside."""
        return Path(self.stage("detect", *condition), "maps")

    def score(self, *condition: str) -> str:
        """Locate the score file of a condition."""
        return f"{self.stage('score', *condition)}.parquet"

    def curves(self, *condition: str) -> str:
        """Locate the curves of a condition, which are measured only when asked for."""
        return f"{self.stage('curves', *condition)}.parquet"

    def words(self, dataset: str, degradation: str) -> str:
        """Locate the ranks of the words that were learned from a degradation's images, measured only when asked for."""
        return f"{self.stage('words', dataset, degradation)}.parquet"

    def table(self, name: str, kind: str = "parquet") -> str:
        """Locate a table; `kind` is one of `TABLE_KINDS`."""
        return f"{self.tables}/{name}.{kind}"

    @property
    def tables(self) -> str:
        """The folder of the tables."""
        return f"{self.results}/tables"

    @property
    def scores(self) -> str:
        """All score rows in one file."""
        return self.table("scores")

    @property
    def complete(self) -> str:
        """What is written when every image has a score."""
        return self.table("complete", "txt")

    @property
    def page(self) -> str:
        """The report page."""
        return f"{self.results}/report/report.html"

    @property
    def figures(self) -> str:
        """The folder of the figures."""
        return f"{self.results}/report/figures"

    def figure(self, kind: str, *names: str, ending: str = "png") -> str:
        """Locate a figure, such as overview_mini_jadena_gicd.png."""
        return f"{self.figures}/{'_'.join((kind, *names))}.{ending}"

    def screenshot(self, part: str, width: str, colours: str) -> str:
        """Locate a screenshot of a part of the report page, in a window of a width, in light or dark colours."""
        return f"{self.results}/report/screenshots/{part}_{width}_{colours}.png"

    def model(self, name: str) -> str:
        """Locate a trained model: NAME.safetensors, or a file in a folder of its own."""
        return f"{self.results}/models/{name}"

    def log(self, stage: str, *names: str) -> str:
        """Locate the log of a job."""
        return f"{self.logs}/{'/'.join((stage, *names))}.log"

    @property
    def benchmarks(self) -> str:
        """The folder of the jobs' times, as Snakemake records them."""
        return f"{self.logs}/benchmarks"

    def benchmark(self, stage: str, *names: str) -> str:
        """Locate the time of a job."""
        return f"{self.benchmarks}/{'/'.join((stage, *names))}.tsv"


def span_name(start: int, end: int) -> str:
    """Name the groups `start` to `end` - 1 of a job: 0000-0012."""
    return f"{start:04d}-{end:04d}"


def span_ends(span: str) -> tuple[int, int]:
    """Read a span's name: 0000-0012 is (0, 12)."""
    start, _, end = span.partition("-")
    return int(start), int(end)


def span_option(span: str) -> str:
    """Write a span as the command line takes it: 0000-0012 is 0:12."""
    return ":".join(map(str, span_ends(span)))


def any_of(names: Iterable[str]) -> str:
    """Write the regular expression of any of the names, for a wildcard; of no names one that no file has."""
    return "|".join(map(re.escape, every(names))) or "none"


def every(items: Iterable[T]) -> list[T]:
    """List items in order, each once."""
    return list(dict.fromkeys(items))
