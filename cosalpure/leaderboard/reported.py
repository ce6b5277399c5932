"""What the CosalPure paper reports of a method, as claims of its entry."""

from pathlib import Path
from typing import Any

from cosalpure import tables
from cosalpure.errors import choose
from cosalpure.leaderboard.entry import Track

COLUMN: dict[Track, str] = {"detector": "detector", "purifier": "row", "attack": "degradation"}
UNPURIFIED = "Source-Only"  # the paper's row; of detectors and attacks only this one is a claim
CLAIM = ["dataset", "degradation", "row", "detector", "metric", "split"]  # columns of paper_tables.csv


def claims(track: Track, name: str) -> list[dict[str, Any]]:
    """List the published numbers of a detector, purifier or attack, each once.

    Args:
        track: what it is.
        name: its name as printed in the tables.
    """
    import pandas as pd

    rows = pd.read_csv(Path(tables.__file__).with_name("paper_tables.csv"), dtype={"table": str})
    column = COLUMN[track]
    choose("name in the paper's tables", name, list(dict.fromkeys(rows[column])), "reported")
    found = rows[(rows[column] == name) & ((track == "purifier") | (rows["row"] == UNPURIFIED))]
    return [
        {"source": f"CosalPure paper, Table {table}", **dict(zip(_keys(), its, strict=True)), "value": value}
        for table, *its, value in found.drop_duplicates(CLAIM)[["table", *CLAIM, "value"]].itertuples(
            index=False, name=None
        )
    ]


def _keys() -> list[str]:
    return ["purifier" if key == "row" else key for key in CLAIM]
