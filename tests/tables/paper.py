"""The paper's tables with the names of the paper experiment's entries, for the tests of this folder."""

from pathlib import Path

import pandas as pd

from cosalpure import tables
from cosalpure.experiment.parse import load_files
from cosalpure.tables.build import build_table

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = load_files([ROOT / "config/paper.yaml"])
ENTRIES = EXPERIMENT.entries
KEYS = ["dataset", "degradation", "purifier", "detector"]
COLUMNS = {"datasets": "dataset", "degradations": "degradation", "purifiers": "row", "detectors": "detector"}


def build(name, scores, degradation="jadena", **options):
    """A table of that name; `options` are those of `build_table`."""
    return build_table(tables.TABLES[name], scores, degradation, **options)


def published():
    """paper_tables.csv as it is: table, dataset, degradation, row, detector, metric, split, value, all as printed."""
    return pd.read_csv(Path(tables.__file__).with_name("paper_tables.csv"), dtype={"table": str})


def named(rename=None):
    """The published rows with entry names in the place of printed ones; `rename` maps (family, name) to another name."""
    found = published()
    for family, column in COLUMNS.items():
        known = {}
        for name, entry in getattr(EXPERIMENT, family).items():
            for table, printed in entry.reported.items():
                known[table.removeprefix("table"), printed] = rename(family, name) if rename else name
        found[column] = [known[pair] for pair in zip(found["table"], found[column], strict=True)]
    return found.rename(columns={"row": "purifier"})
