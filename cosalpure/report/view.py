"""What the report page shows, as typed objects: a section each, which names the template that draws it.

The templates print these objects and know nothing of files or tables. Everything but `Plot.svg` is plain text, which the
templates escape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from markupsafe import Markup


class Section(Protocol):
    """A part of the page: its heading and the template that draws it."""

    title: ClassVar[str]
    template: ClassVar[str]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, the number that it is sorted by (an empty text for none), and whether it is bold.

    `more` are further pieces of text, each of which stays on one line.
    """

    text: str
    value: str | None = None
    bold: bool = False
    more: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table; one with a header can be sorted by it."""

    rows: Sequence[Sequence[Cell]]
    header: Sequence[str] = ()
    caption: str = ""


@dataclass(frozen=True)
class Plot:
    """A plot under a heading; `title` is what a screen reader says of it."""

    heading: str
    title: str
    svg: Markup


@dataclass(frozen=True)
class Tile:
    """A picture with its caption; `picture` is a data address, None where there is none."""

    caption: str
    picture: str | None


@dataclass(frozen=True)
class Strip:
    """One image as it was, degraded and purified, each with its map; `outline` is that of the ground truth."""

    columns: Sequence[tuple[Tile, Tile]]
    outline: str | None
    group: str
    file: str
    purifier: str
    detector: str


@dataclass(frozen=True)
class Summary:
    """What was found under one dataset and degradation, in sentences, a plot and a strip of pictures."""

    name: str
    sentences: Sequence[str]
    plot: Plot | None
    strip: Strip | None


@dataclass(frozen=True)
class Findings:
    """The first screen: what was measured and what came out, a condition at a time, and the conditions that lack scores."""

    made: Sequence[str]
    summaries: Sequence[Summary]
    differences: Table | None
    gaps: Sequence[str]
    title: ClassVar[str] = "What came out"
    template: ClassVar[str] = "findings.html.j2"


@dataclass(frozen=True)
class Success:
    """The success rates of all methods: a condition's name, and a plot a detector."""

    conditions: Sequence[tuple[str, Sequence[Plot]]]
    title: ClassVar[str] = "Success by method"
    template: ClassVar[str] = "success.html.j2"


@dataclass(frozen=True)
class Sweeps:
    """The sweeps that were drawn: a plot and its numbers each."""

    sweeps: Sequence[tuple[Plot, str, Table]]  # plot, name of the setting, numbers
    title: ClassVar[str] = "Success against a setting"
    template: ClassVar[str] = "sweeps.html.j2"


@dataclass(frozen=True)
class ExplorerCell:
    """A measured cell, as the page's script reads it."""

    method: str
    detector: str
    metric: str
    split: str
    text: str
    value: float | None


@dataclass(frozen=True)
class ExplorerBlock:
    """The cells of one dataset and degradation."""

    name: str
    cells: Sequence[ExplorerCell]


@dataclass(frozen=True)
class Explorer:
    """Every metric of one condition at a time; the script fills in the table. `about` has a line a metric.

    `apart` describes the metrics of a whole dataset, which have a table of their own.
    """

    metrics: Mapping[str, str]  # name: title
    about: Mapping[str, str]
    blocks: Sequence[ExplorerBlock]
    apart: Sequence[str] = ()
    title: ClassVar[str] = "Every metric"
    template: ClassVar[str] = "explorer.html.j2"


@dataclass(frozen=True)
class Tabbed:
    """A table of the run as one table a detector; `about` says how to read it, `order` in which order its rows are."""

    title: str
    about: str
    order: str
    tabs: Mapping[str, Table]


@dataclass(frozen=True)
class Tables:
    """The tables of the run, one detector at a time."""

    tables: Sequence[Tabbed]
    title: ClassVar[str] = "Tables"
    template: ClassVar[str] = "tables.html.j2"


@dataclass(frozen=True)
class Adaptive:
    """Attacks that know the detector, and the purifier: the table, whether they are strong, and plots against their bound.

    `by_attack` has tables of purifiers by attacks, for attacked and for clean images; `table` has a row for each purifier and
    attack, with all that was measured. `drawn` says whether a purifier was evaluated by several draws of its noise.
    `checks` has a row a check, `every` a row for each purifier and detector that it was made for.
    """

    by_attack: Sequence[Tabbed]
    table: Tabbed
    checks: Table
    every: Table
    plots: Sequence[Plot]
    drawn: bool
    title: ClassVar[str] = "Adaptive attacks"
    template: ClassVar[str] = "adaptive.html.j2"


@dataclass(frozen=True)
class GalleryImage:
    """An image of a group: the keys of its pictures (None where one is missing), its maps and IoUs.

    `outline` is that of the ground truth, to be laid over the others.
    """

    file: str
    attacked: bool
    original: str | None
    truth: str | None
    outline: str | None
    before: str | None
    after: Mapping[str, str | None]  # purifier: picture
    maps: Mapping[str, Mapping[str, tuple[str | None, float | None]]]  # purifier: detector: map, IoU


@dataclass(frozen=True)
class GalleryGroup:
    """A group that is shown; `place` says which one it is among all: worst, median or best."""

    place: str
    name: str
    images: Sequence[GalleryImage]


@dataclass(frozen=True)
class GalleryBlock:
    """The groups of one dataset and degradation; `purifiers` and `detectors` map names to labels.

    `reference` is the purifier whose maps are those before purification, None where it was not run. `attack` says what
    the degradation makes of an image.
    """

    name: str
    attack: str
    reference: str | None
    purifiers: Mapping[str, str]
    detectors: Mapping[str, str]
    groups: Sequence[GalleryGroup]


@dataclass(frozen=True)
class Gallery:
    """Groups image by image; the script shows them. `pictures` has data addresses by key; `notes` name what is excluded."""

    blocks: Sequence[GalleryBlock]
    pictures: Mapping[str, str]
    notes: Sequence[str]
    rule: str
    title: ClassVar[str] = "Gallery"
    template: ClassVar[str] = "gallery.html.j2"


@dataclass(frozen=True)
class Figures:
    """The figures of the run with captions; `left_out` is the first that would make the page too large."""

    figures: Sequence[Tile]
    left_out: str = ""
    title: ClassVar[str] = "Figures"
    template: ClassVar[str] = "figures.html.j2"


@dataclass(frozen=True)
class Times:
    """Time and memory of the jobs; `pace` is what the paper's groups would take, None without a time of a GPU's stage."""

    stages: Table
    plots: Sequence[Plot]
    pace: Table | None
    groups: int  # of the paper's datasets
    title: ClassVar[str] = "Time and memory"
    template: ClassVar[str] = "times.html.j2"


@dataclass(frozen=True)
class Made:
    """What the results were made with, and the page itself, which are apart; the whole configuration as JSON."""

    origins: Table | None  # jobs that were made alike, a row each; None without any file of a job
    alike: Table  # what else the jobs' records tell
    page: Table
    configuration: str
    title: ClassVar[str] = "How it was made"
    template: ClassVar[str] = "made.html.j2"


@dataclass(frozen=True)
class Limits:
    """What not to conclude from the page: how to read its numbers, and the known limitations, name and text by heading."""

    known: Mapping[str, Sequence[tuple[str, str]]]
    title: ClassVar[str] = "What is not shown"
    template: ClassVar[str] = "limits.html.j2"


@dataclass(frozen=True)
class Cite:
    """BibTeX of the methods that were run."""

    bibtex: str
    title: ClassVar[str] = "Cite"
    template: ClassVar[str] = "cite.html.j2"


@dataclass(frozen=True)
class Page:
    """The whole page: its sections in order, and what its script reads.

    `drawn` is the page's own date. `mixed` says what the jobs behind it do not have in common, a text each.
    """

    sections: Sequence[Section]
    data: Mapping[str, object] = field(default_factory=dict)
    drawn: str = ""
    mixed: Sequence[str] = ()
