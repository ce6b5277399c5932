"""docs/reference/results.md says what is there: its list of columns is the score files', its Python examples run."""

import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosalpure.io import write_image
from cosalpure.labels import Entries
from cosalpure.score import draws, score_condition, write_scores
from cosalpure.score.condition import columns
from cosalpure.tables import TABLES, table_names
from cosalpure.tables.build import build_table, conditions_in
from cosalpure.tables.write import as_markdown

DOCS = Path(__file__).parents[2] / "docs"
MACROS = runpy.run_path(str(DOCS / "macros.py"))
TEXT = (DOCS / "reference/results.md").read_text().replace("{{ score_columns() }}", MACROS["score_columns"]())
CELLS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in TEXT.splitlines() if line[:3] == "| `"
]
ROWS = {row[0].strip("`"): row for row in CELLS}
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
CONDITION = {"dataset": "mini", "degradation": "jadena", "purifier": "dda", "detector": "gicd"}


@pytest.fixture
def scores(tmp_path):
    """A score file as a run writes it: one image with a map, one without."""
    truth = np.zeros((8, 8), np.uint8)
    truth[2:6, 2:6] = 255
    for folder in ("masks", "images", "maps"):
        (tmp_path / folder / "g").mkdir(parents=True)
    for file in ("000_x.png", "001_x.png"):
        write_image(tmp_path / "masks" / "g" / file, truth)
        write_image(tmp_path / "images" / "g" / file, np.zeros((8, 8, 3), np.uint8))
    write_image(tmp_path / "maps" / "g" / "000_x.png", truth)
    rows = [{"index": i, "file": f"00{i}_x.png", "attacked": i == 0} for i in range(2)]
    manifest = pd.DataFrame(rows).assign(dataset="mini", group="G", slug="g")
    table = score_condition(tmp_path / "maps", tmp_path / "images", tmp_path, manifest, CONDITION)
    write_scores(table, tmp_path / "results/tables/scores.parquet")
    return pd.read_parquet(tmp_path / "results/tables/scores.parquet")


@pytest.mark.slow
def test_every_column_is_described_in_its_order(scores):
    assert list(ROWS) == [*columns(further=True), *draws.COLUMNS]
    assert list(scores.columns) == list(columns()) == [name for name in ROWS if name in scores]
    types = {name: str(kind).replace("object", "text").replace("str", "text") for name, kind in scores.dtypes.items()}
    assert types == {name: ROWS[name][1] for name in scores}


def test_metrics_are_described_in_their_own_words():
    """The page's rows are written from the metrics: one of each kind to the letter."""
    assert ROWS["psnr"] == [
        "`psnr`",
        "float64",
        "**PSNR**: -10 log10 of the mean squared difference, dB; infinite for equal images. Range 0 to ∞, larger is better.",
    ]
    assert ROWS["mae"][2] == r"**MAE**: mean of \|map - ground truth\|. Range 0 to 1, smaller is better."
    assert ROWS["exposure_change"][2].endswith(". Range -8 to 8, best at 0.")


def test_python_examples_run_on_a_score_file(scores, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    by_pandas, by_pyarrow, _ = EXAMPLES
    exec(by_pandas, {})
    assert "1.0" in capsys.readouterr().out
    exec(by_pyarrow, {})
    assert re.match(r"1 \[\{.*'file': '001_x.png', 'reason': 'no map was written'", capsys.readouterr().out)


def test_example_of_a_definition_is_built(scores, monkeypatch):
    found = {}
    exec(EXAMPLES[2], found)
    monkeypatch.setitem(TABLES, "attacked", found["attacked"])
    assert "attacked" in table_names(conditions_in(scores), "jadena", Entries())
    text = as_markdown(build_table(TABLES["attacked"], scores, "jadena"))
    assert text.startswith("Success rate and AP of the attacked images. ") and "| SR adv↑" in text
