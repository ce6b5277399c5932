"""The figure of the success rate against a setting, on made-up scores with known rates."""

import pandas as pd
import pytest
from PIL import Image

from cosalpure.errors import UserError
from cosalpure.labels import Entries
from cosalpure.report import sweep
from cosalpure.settings import Statistics

FEW = Statistics(samples=100)


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
def files(tmp_path):
    paths = []
    for number, (degradation, hits) in enumerate([("none", 4), ("weak", 3), ("strong", 1)]):
        paths.append(tmp_path / f"{number}.parquet")
        condition(degradation, hits).to_parquet(paths[-1])
    return paths


@pytest.mark.slow
def test_numbers_are_the_rates_of_each_half_beside_the_clean_ones(files, tmp_path):
    output = tmp_path / "sweep.png"
    sweep.draw(files, ["mini/weak=1", "mini/strong=16"], "bound", FEW, output, 0, Entries())
    numbers = pd.read_csv(tmp_path / "sweep.csv").set_index(["split", "x"])
    assert numbers.sr.to_dict() == {("adv", 1): 0.75, ("adv", 16): 0.25, ("clean", 1): 1.0, ("clean", 16): 1.0}
    assert (numbers.sr_clean == 1.0).all() and (numbers.images == 4).all()
    assert ((numbers.low <= numbers.sr) & (numbers.sr <= numbers.high)).all()
    with Image.open(output) as image:
        assert image.width > image.height > 200


@pytest.mark.slow
def test_the_same_scores_draw_the_same_bytes(files, tmp_path):
    for name in ("one.png", "two.png"):
        sweep.draw(files, ["mini/weak=1", "mini/strong=16"], "bound", FEW, tmp_path / name, 0, Entries())
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("point", ["mini=1", "mini/weak", "mini/=1", "mini/weak=much"])
def test_a_point_that_is_none_is_named(point):
    with pytest.raises(UserError, match="expected DATASET/DEGRADATION=VALUE"):
        sweep.parse(point)
