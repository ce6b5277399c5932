"""What the tables are: one `Table` each. The builder, the writers, the command line and the rules read them here.

    TABLES["table3"].title       "Table 3. Ablation: ..."
    table_names(conditions, "jadena", entries)      those that a run has something for

To add a table, add a `Table` to `TABLES`; a new kind of row is a function in `cosalpure.tables.rows`. Nothing heavy is
imported here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from cosalpure.labels import Entries
from cosalpure.seeds import split_repeat
from cosalpure.tables.rows import (
    Condition,
    Request,
    Row,
    ablation_rows,
    adaptive_rows,
    degradation_rows,
    difference_rows,
    purifier_rows,
    reported_rows,
    seed_rows,
)

if TYPE_CHECKING:
    from cosalpure.score import Metric as ScoreMetric

Split = Literal["avg", "adv", "clean"]  # all images of a group, the attacked ones, the clean ones
SPLITS: tuple[Split, ...] = get_args(Split)
Measure = Literal["mean", "difference", "spread"]  # of a cell: a method of `cosalpure.tables.build.Cells` each

KEYS = ("dataset", "degradation", "purifier", "detector")
CELL = ("value", "low", "high", "expected", "done", "failed", "undefined")
PAPER = ("paper", "minus_paper", "paper_inside")
MINUS = ("minus_degradation", "minus_purifier")
SPREAD = ("seeds", "sd", "least", "most")
LABELS = ("label", "detector_label", "role")
MEASURED: dict[Measure, tuple[str, ...]] = {
    "mean": ("table", *KEYS, "metric", "split", *CELL),
    "difference": ("table", *KEYS, *MINUS, "metric", "split", *CELL),
    "spread": ("table", *KEYS, "metric", "split", *CELL, *SPREAD),
}


@dataclass(frozen=True)
class Metric:
    """A metric as tables name it; its title and direction are those of the score column."""

    name: str  # in the tables' column `metric`
    column: str  # of the score files

    @property
    def score(self) -> "ScoreMetric":
        """What the score stage says of the column: title, formula, direction, source."""
        from cosalpure.score import METRICS as SCORE_METRICS  # loads scipy
        from cosalpure.score.curves import DATASET_METRICS
        from cosalpure.score.draws import DRAW_METRICS
        from cosalpure.score.words import WORD_METRICS

        return (SCORE_METRICS | DATASET_METRICS | DRAW_METRICS | WORD_METRICS)[self.column]

    @property
    def title(self) -> str:
        """The metric as printed: SR."""
        return self.score.title

    @property
    def larger_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        return self.score.larger_is_better

    @property
    def arrow(self) -> str:
        """The direction as printed behind a heading."""
        return "↑" if self.larger_is_better else "↓"


SR, AP = Metric("sr", "success"), Metric("ap", "ap")
F_BETA, MAE = Metric("f_beta", "f_beta"), Metric("mae", "mae")
METRICS = {metric.name: metric for metric in (SR, AP, F_BETA, MAE)}
OF_DRAWS = tuple(Metric(f"sr_{of}", f"success_{of}") for of in ("mean", "mean_map", "worst"))  # of `cosalpure.draws`
COSTS = {"passes": "gradient passes a group", "seconds": "seconds a group"}  # of an attack; as printed


def metric_of(name: str) -> Metric:
    """Give the metric of a tables' name; any other name is that of a score column."""
    known = METRICS | {metric.name: metric for metric in OF_DRAWS}
    return known.get(name) or Metric(name, name)


@dataclass(frozen=True)
class Table:
    """The definition of a table.

    Attributes:
        name: the name of its files, of its target, and its key in an entry's `reported`.
        title: the first sentence of its caption.
        rows: lists its rows from what was run; none where the run has nothing for it.
        metrics: its metrics, in the order of the columns.
        splits: the images that a metric is taken of, a column each.
        measure: what a cell is: the mean of a condition, the mean of a paired difference, or the mean over all seeds
            with their spread.
        number: the paper's table that it reproduces, as in paper_tables.csv; None if the paper has none.
        of_draws: the metrics in the place of `metrics` where a purifier was drawn several times.
        costs: whether a row also has what its degradation costs, `COSTS`, where that is known.
        printed: the family whose labels its rows carry, or both.
        always: whether it is made of every run, or only where `rows` finds something. Without any row it is an error.
    """

    name: str
    title: str
    rows: Callable[[Request], list[Row]]
    metrics: tuple[Metric, ...] = (SR,)
    splits: tuple[Split, ...] = SPLITS
    measure: Measure = "mean"
    number: str | None = None
    of_draws: tuple[Metric, ...] = ()
    costs: bool = False
    printed: Literal["purifiers", "degradations", "both"] = "purifiers"
    always: bool = False

    @property
    def key(self) -> str:
        """What the column `table` says: the paper's number, else the name."""
        return self.number or self.name

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns that are measured."""
        return MEASURED[self.measure]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the tidy table: measured, published (of means), printed names."""
        return (*self.measured, *(PAPER if self.measure == "mean" else ()), *LABELS)

    @property
    def ranks(self) -> bool:
        """Whether one purifier may be better than another in it: the best one is printed bold."""
        return self.measure != "difference" and self.printed == "purifiers"


TABLES = {
    table.name: table
    for table in (
        Table(
            "table1",
            "Table 1. Co-saliency detection over whole groups, half of each under attack.",
            purifier_rows,
            metrics=(SR, AP, F_BETA, MAE),
            splits=("avg",),
            number="1",
            always=True,
        ),
        Table(
            "table2",
            "Table 2. Success rate over whole groups (avg), attacked (adv) and clean images (clean).",
            purifier_rows,
            number="2",
            always=True,
        ),
        Table(
            "table3",
            "Table 3. Ablation: what concept inversion and the learned concept contribute.",
            ablation_rows,
            metrics=(SR, AP, F_BETA, MAE),
            splits=("avg",),
            number="3",
        ),
        Table(
            "table4",
            "Table 4. Extension to motion blur.",
            partial(reported_rows, "table4"),
            metrics=(SR, AP, F_BETA, MAE),
            splits=("avg",),
            number="4",
        ),
        Table(
            "table5",
            "Table 5. Success rate under attacks that know the detector, and the purifier.",
            adaptive_rows,
            splits=("adv", "clean"),
            of_draws=OF_DRAWS,
            costs=True,
            printed="both",
        ),
        Table("differences", "Paired differences on the same images.", difference_rows, measure="difference"),
        Table(
            "degradations",
            "Success rate under each degradation, nothing purified.",
            degradation_rows,
            printed="degradations",
        ),
        Table(
            "seeds",
            "Success rate over several seeds of attack, learning and purification; ± is the standard deviation between "
            "the seeds' means.",
            seed_rows,
            measure="spread",
        ),
    )
}
NAMES = tuple(TABLES)
DATASET_CURVES = Table(  # not of score rows: `cosalpure.tables.dataset` makes it of curves, when asked for
    "dataset_curves",
    "Max F and max E of the dataset: the maximum of the mean curve, one of 256 thresholds for all images, as papers report "
    "them; beside it max F and max E, the mean of each image's own maximum.",
    purifier_rows,
    metrics=tuple(map(metric_of, ("max_f_dataset", "f_max", "max_e_dataset", "e_max"))),
    splits=("avg",),
)

WORDS = Table(  # not of score rows alone: `cosalpure.tables.words` makes it, when asked for
    "words",
    "Learned concepts: rank of the group's own word among the known ones, share of groups whose own word is the nearest, and "
    "the success rate of purification with these concepts.",
    purifier_rows,
    metrics=(metric_of("word_rank"), metric_of("own_word"), SR),
    printed="both",
)


def definition_of(key: str) -> Table | None:
    """Find the definition behind the column `table` of a tidy table; None where it was made by no definition."""
    return next((table for table in (*TABLES.values(), DATASET_CURVES, WORDS) if table.key == key), None)


def table_names(conditions: Sequence[Condition], degradation: str, entries: Entries) -> list[str]:
    """List the tables that the conditions have something for, in order."""
    request = Request(conditions, degradation, entries)
    return [table.name for table in TABLES.values() if table.always or table.rows(request)]


def conditions_of(table: str, conditions: Sequence[Condition], degradation: str, entries: Entries) -> list[Condition]:
    """Select those of the conditions whose scores a table is made of, in their order."""
    its = TABLES[table]
    rows = its.rows(Request(conditions, degradation, entries))
    needed = {condition for row in rows for condition in (row.condition, row.other)}

    def shown(condition: Condition) -> Condition:
        dataset, name, *others = condition
        return (dataset, split_repeat(name)[0], others[0], others[1]) if its.measure == "spread" else condition

    return [condition for condition in conditions if shown(condition) in needed]
