"""The figure of the success rate against a setting, on made-up tables with known rates."""

import pandas as pd
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.labels import Entries
from cosalpure.report import sweep
from cosalpure.tables import TABLES
from cosalpure.tables.build import build_table


def condition(degradation, hits, detector="gicd"):
    """Rows of two groups of four images, the first two attacked; `hits` of the four attacked ones succeed."""
    rows = []
    for group in range(2):
        for index in range(4):
            number = 2 * group + index
            success = 1.0 if index >= 2 else float(number < hits)
            rows.append(("mini", degradation, "source_only", detector, f"g{group}", f"{index}.png", index < 2, success))
    columns = ["dataset", "degradation", "purifier", "detector", "slug", "file", "attacked", "success"]
    return pd.DataFrame(rows, columns=columns).assign(status="done")


@pytest.fixture
def table(tmp_path):
    """The table of degradations of a clean reference and two attacks."""
    conditions = [("none", 4), ("weak", 3), ("strong", 1)]
    scores = pd.concat([condition(*its) for its in conditions], ignore_index=True)
    build_table(TABLES["degradations"], scores, "weak", samples=100).to_parquet(tmp_path / "degradations.parquet")
    return tmp_path / "degradations.parquet"


@pytest.mark.slow
def test_numbers_are_the_rates_of_each_half_beside_the_clean_ones(table, tmp_path):
    output = tmp_path / "sweep.png"
    sweep.draw(table, ["mini/weak=1", "mini/strong=16"], "bound", output, Entries())
    numbers = pd.read_csv(tmp_path / "sweep.csv").set_index(["split", "x"])
    assert numbers.sr.to_dict() == {("adv", 1): 0.75, ("adv", 16): 0.25, ("clean", 1): 1.0, ("clean", 16): 1.0}
    assert (numbers.sr_clean == 1.0).all() and (numbers.images == 4).all()
    assert ((numbers.low <= numbers.sr) & (numbers.sr <= numbers.high)).all()
    with Image.open(output) as image:
        assert image.width > image.height > 200


def test_intervals_are_those_of_the_table(table):
    cells = pd.read_parquet(table)
    cells = cells.assign(low=cells["value"] - 0.125, high=cells["value"] + 0.0625)
    numbers = sweep.sweep_numbers(cells, [("mini", "weak", 1.0)], Entries())
    assert (numbers.low == numbers.sr - 0.125).all() and (numbers.high == numbers.sr + 0.0625).all()


def test_a_point_without_scores_has_no_images(table):
    points = [("mini", "weak", 1.0), ("other", "weak", 2.0)]
    numbers = sweep.sweep_numbers(pd.read_parquet(table), points, Entries())
    assert numbers[numbers["dataset"] == "other"]["images"].tolist() == [0, 0]
    assert numbers[numbers["dataset"] == "mini"]["images"].tolist() == [4, 4]


@pytest.mark.slow
def test_the_same_table_draws_the_same_bytes(table, tmp_path):
    for name in ("one.png", "two.png"):
        sweep.draw(table, ["mini/weak=1", "mini/strong=16"], "bound", tmp_path / name, Entries())
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_missing_table_or_point_is_one_line(table, tmp_path, capsys):
    for file, point, said in (
        (tmp_path / "no.parquet", "mini/weak=1", "no.parquet: no such table; make it first"),
        (table, "mini/fog=1", "degradations.parquet: no scored image of mini/fog=1"),
    ):
        command = ["report", "sweep", file, "--points", point, "--output", tmp_path / "sweep.png"]
        assert main(list(map(str, command))) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize("point", ["mini=1", "mini/weak", "mini/=1", "mini/weak=much"])
def test_a_point_that_is_none_is_named(point):
    with pytest.raises(UserError, match="expected DATASET/DEGRADATION=VALUE"):
        sweep.parse(point)
