"""The tables of docs/results/adaptive.md, from runs of `snakemake table5`: of all conditions that have scores already.

    python benchmarks/adaptive.py RESULTS config.yaml config/variants/adaptive.yaml
    python benchmarks/adaptive.py RESULTS config.yaml config/variants/adaptive-baselines.yaml --name table5-baselines
    python benchmarks/adaptive.py RESULTS config.yaml config/variants/adaptive-checks.yaml --checks

Rows replace those of the same detector and purifier, and what was not run stays as it is. The first line of a file, which says
what was run where, is a person's to change; a new file has one of this script's.
"""

import argparse
import csv
import time
from pathlib import Path

from cosalpure.degrade.cost import cost_of
from cosalpure.environment import processor
from cosalpure.experiment.layout import Layout
from cosalpure.experiment.parse import load_files
from cosalpure.report import adaptive, attacks
from cosalpure.report.checks import CHECKS, outcomes
from cosalpure.tables.rows import Row
from cosalpure.tables.scores import read_scores

DATA = Path(__file__).resolve().parents[1] / "docs/results/data/mini"
BOUND = 16  # of 255: that of Table 5
KNOWN = {"blind": "detector known", "bpda": "BPDA", "full": "full gradient"}
BY_ROLE = {"reference": "no attack", "control": "random noise", "attack": "Jadena (transfer)"}
STEPS = 10  # of the attack, likewise
COLUMNS = (
    *(*BY_ROLE.values(), "detector known", "BPDA", "full, 5 denoising steps", "full gradient"),
    *("full gradient, 20 steps", "full, known noise"),
)
BOUNDS = (4, 8, BOUND)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", metavar="RESULTS", help="folder of a finished run")
    parser.add_argument("files", nargs="+", metavar="FILE", help="the run's configuration")
    parser.add_argument("--checks", action="store_true", help="write how strong the attack is, instead of Table 5")
    parser.add_argument("--name", default="table5", help="of the CSV files of Table 5 (%(default)s)")
    parser.add_argument("--output", type=Path, default=DATA, metavar="FOLDER", help="of the CSV files (%(default)s)")
    options = parser.parse_args()
    run = Run(options.results, load_files(options.files))
    options.output.mkdir(parents=True, exist_ok=True)
    tables = run.checked() if options.checks else run.tables(options.name)
    for name, rows in tables.items():
        if rows:
            write(options.output / f"{name}.csv", rows, f"{', '.join(options.files)}; {time.strftime('%Y-%m-%d')}")


class Run:
    """What a run measured: of every purifier and detector, what they met and with which success."""

    def __init__(self, results, experiment):
        self.layout, its = Layout(results), experiment.statistics
        files = [self.layout.score(*its) for its in experiment.conditions]
        scores = read_scores(file for file in files if Path(file).exists())
        bootstrap = {"seed": experiment.seed, "samples": its.samples, "level": its.level}
        self.entries = experiment.entries
        self.met = attacks.read(self.layout, scores, self.entries)
        self.rates = adaptive.Rates(scores, bootstrap)

    def tables(self, name="table5"):
        """{name of the file: rows} of Table 5."""
        attacked = [its for its in self.met if self.column(its)]
        return {
            name: [self.rated(its, self.column(its), "adv") for its in attacked],
            f"{name}-clean": [self.rated(its, self.column(its), "clean") for its in attacked],
            f"{name}-epsilon": [self.rated(its, f"{bound}/255", "adv") for its, bound in self.bounded()],
            f"{name}-cost": [self.cost(its) for its in attacked if its.role == "adaptive"],
        }

    def checked(self):
        """{name of the file: rows} about the strength of the attack."""
        return {"adaptive-checks": self.checks(), "adaptive-strength": self.strength()}

    def checks(self):
        """Rows of the checks of the attack."""
        cells = adaptive.summary({check: outcomes(check, self.met, self.rates) for check in CHECKS})
        return [dict(zip(cells.header, (cell.text for cell in row), strict=True)) for row in cells.rows]

    def strength(self):
        """Rows of all that was met: the success rate, and what an attack costs a group."""
        rows = []
        for its in self.met:
            name = self.entries.label("degradations", its.condition[1])
            rows.append({"attack": name} | self.measured(its, "success rate", "adv") | self.spent(its))
        return rows

    def column(self, its):
        """The column of Table 5 that an attack belongs to; None where it has none."""
        if its.role != "adaptive":
            return BY_ROLE[its.role]
        if round(its.epsilon * 255) != BOUND:
            return None
        if its.settings["fixed_noise"]:
            return "full, known noise"
        if its.settings.get("attack_steps"):
            return f"full, {its.settings['attack_steps']} denoising steps"
        name, steps = KNOWN[its.settings["gradient"]], its.settings["steps"]
        return name if steps == STEPS else f"{name}, {steps} steps"

    def bounded(self):
        """Attacks by the full gradient of those that met several bounds, with the bound in levels."""
        return [(its, round(its.epsilon * 255)) for family in attacks.alike(self.met, "epsilon") for its in family]

    def who(self, its):
        """The columns that say which detector and purifier a row is of."""
        _, _, purifier, detector = its.condition
        named = {"detector": self.entries.label("detectors", detector)}
        return named | {"purifier": self.entries.label("purifiers", purifier)}

    def rated(self, its, column, split):
        """A part of a row: who, and the success rate in one column."""
        return self.who(its) | self.measured(its, column, split)

    def measured(self, its, column, split):
        """A success rate with its interval."""
        value, low, high = self.rates.cells.mean(Row(*its.condition), self.rates.metric, split)[:3]
        return {column: f"{value:.3f}", f"{column} low": f"{low:.2f}", f"{column} high": f"{high:.2f}"}

    def cost(self, its):
        """A row of what an attack cost a group."""
        return self.who(its) | {"attack": self.column(its)} | self.spent(its)

    def spent(self, its):
        """Gradient passes and seconds of an attack, of a group; empty where it was none."""
        if its.role != "adaptive":
            return {"gradient passes": "", "seconds": ""}
        found = cost_of(self.layout.stage("degrade"), *its.condition[:2])
        passes = f"{found['passes']:.0f}" if "passes" in found else ""
        return {"gradient passes": passes, "seconds": f"{found['seconds']:.1f}"}


def write(path, rows, note):
    """Write rows to a file; those of the same detector, purifier and attack are one row, old cells stay where no new ones are."""
    keys = [key for key in ("detector", "purifier", "attack", "check") if key in rows[0]]
    first, old = read(path)
    merged = {}
    for row in [*old, *rows]:
        merged.setdefault(tuple(row.get(key, "") for key in keys), {}).update(row)
    columns = in_order(merged.values())
    detectors = list(dict.fromkeys(row.get("detector") for row in merged.values()))
    ordered = sorted(merged.values(), key=lambda row: detectors.index(row.get("detector")))
    with path.open("w", newline="") as file:
        file.write(first or f"# {note}; {processor()}\n")
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)


def read(path):
    """The first line and the rows of a file; ("", []) without one."""
    if not path.exists():
        return "", []
    with path.open(newline="") as file:
        return file.readline(), list(csv.DictReader(file))


def in_order(rows):
    """The columns of rows: those of Table 5 in its order, behind all others as they are met."""
    heads = (*COLUMNS, *(f"{bound}/255" for bound in BOUNDS))
    known = [f"{head}{suffix}" for head in heads for suffix in ("", " low", " high")]
    met = dict.fromkeys(column for row in rows for column in row)
    return [column for column in met if column not in known] + [column for column in known if column in met]


if __name__ == "__main__":
    main()
