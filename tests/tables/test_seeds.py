"""Several seeds: repeated conditions, and the table of what they differ by."""

import numpy as np
import pandas as pd
import pytest
from tables.paper import build

from cosalpure.errors import UserError
from cosalpure.experiment.files import read_files
from cosalpure.experiment.parse import load
from cosalpure.labels import Entries
from cosalpure.score.settings import Statistics
from cosalpure.seeds import repeat_name, split_repeat
from cosalpure.tables import conditions_of, table_names
from cosalpure.tables.scores import conditions_in
from cosalpure.tables.stage import run

SUCCESSES = {None: 3, 7: 5, 8: 7}  # of eight images, by seed


def config(**changes):
    return read_files(["config.yaml"]) | changes


def scores():
    parts = []
    for purifier, seeds in {"source_only": SUCCESSES, "cosalpure": {None: 4}}.items():
        for seed, successes in seeds.items():
            name = "jadena" if seed is None else repeat_name("jadena", seed)
            rows = {"dataset": "mini", "degradation": name, "purifier": purifier, "detector": "gicd", "status": "done"}
            rows |= {"slug": [f"g{i % 4}" for i in range(8)], "file": [f"{i}.png" for i in range(8)], "left_out": 0}
            success = (np.arange(8) < successes).astype(float)
            numbers = dict.fromkeys(("ap", "f_beta", "mae", "success"), success)
            parts.append(pd.DataFrame({**rows, "attacked": np.arange(8) < 4, **numbers}))
    return pd.concat(parts, ignore_index=True)


def test_names_of_repeats_are_told_from_names_of_entries():
    assert split_repeat(repeat_name("jadena", 7)) == ("jadena", 7)
    assert split_repeat("jadena") == ("jadena", None) and split_repeat("a.seedling") == ("a.seedling", None)


def test_further_seeds_repeat_what_is_random():
    its = load(config(further_seeds=[7, 8]))
    found, once = its.conditions, load(config()).conditions
    assert found[: len(once)] == once
    random = [c for c in once if c[2] in ("cosalpure_none_concept", "cosalpure")]  # neither the attack nor the VAE is
    assert len(found) == len(once) + 2 * len(random) and {c[2] for c in found[len(once) :]} == {c[2] for c in random}
    noisy = load(config(further_seeds=[7], degradations={"none": {}, "jadena": {"variant": "group", "epsilon": 0.05}}))
    assert "source_only" in {c[2] for c in noisy.conditions if c[1] == "jadena.seed7"}
    assert its.seed_of("jadena") == 2024 and its.seed_of("jadena.seed8") == 8
    assert its.entry("degradations", "jadena.seed8").method == "jadena"
    assert noisy.entry("degradations", "jadena.seed7").settings.epsilon == 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"further_seeds": [7, 7]}, "holds a seed twice"),
        ({"further_seeds": [2024]}, "or `seed` (2024)"),
        ({"degradations": {"none": {}, "jadena": {}, "jadena.seed7": {"method": "jadena"}}}, "that of a further seed"),
    ],
)
def test_ambiguous_seeds_are_refused(changes, message):
    with pytest.raises(UserError, match="seed") as caught:
        load(config(**changes))
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_table_of_seeds_has_their_mean_and_standard_deviation():
    cells = build("seeds", scores(), samples=100)
    cell = cells[(cells.purifier == "source_only") & (cells.split == "avg")].iloc[0]
    means = np.array([3, 5, 7]) / 8
    assert cell.value == pytest.approx(means.mean()) and cell.sd == pytest.approx(means.std(ddof=1))
    assert (cell.seeds, cell.least, cell.most, cell.done, cell.expected) == (3, 3 / 8, 7 / 8, 24, 24)
    assert cell.low <= cell.value <= cell.high
    alone = cells[(cells.purifier == "cosalpure") & (cells.split == "avg")].iloc[0]
    assert alone.seeds == 1 and np.isnan(alone.sd)


def test_other_tables_are_of_the_first_seed(tmp_path):
    every, conditions = scores(), conditions_in(scores())
    assert "seeds" in table_names(conditions, "jadena", Entries())
    assert "seeds" not in table_names(conditions[-1:], "jadena", Entries())
    for table in ("table1", "table2", "differences", "degradations"):
        assert {its[1] for its in conditions_of(table, conditions, "jadena", Entries())} == {"jadena"}
    every.to_parquet(tmp_path / "scores.parquet")
    run([tmp_path / "scores.parquet"], "jadena", Statistics(samples=100), tmp_path, 0, ["seeds", "table1"])
    table1 = pd.read_parquet(tmp_path / "table1.parquet")
    assert table1[(table1.metric == "sr") & (table1.purifier == "source_only")].value.tolist() == [3 / 8]
    text = (tmp_path / "seeds.md").read_text()
    assert "0.625 ± 0.250" in text and "between the seeds' means" in text
    assert "avg↑ sd" in (tmp_path / "seeds.csv").read_text().splitlines()[0]
    assert not (tmp_path / "table2.md").exists(), "only what was asked for"
