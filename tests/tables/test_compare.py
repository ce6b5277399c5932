"""`cosalpure tables compare`: two folders of results, paired on their images; as a user types it."""

import pandas as pd
import pytest

from cosalpure.cli import main
from cosalpure.score import METRICS

KEY = {"dataset": "mini", "degradation": "jadena", "purifier": "cosalpure", "detector": "gicd"}
FEW = ("--settings", "{samples: 200}")


def rows(success, **key):
    """Score rows of one condition: groups of two images, the first attacked; other metrics constant."""
    count = len(success)
    table = pd.DataFrame({"success": [float(value) for value in success]}).assign(**{**KEY, **key})
    table["slug"] = [f"g{i // 2}" for i in range(count)]
    table["file"] = [f"{i % 2:03d}_x.png" for i in range(count)]
    table["attacked"] = [i % 2 == 0 for i in range(count)]
    others = {name: 0.5 for name in METRICS if name != "success"}
    return table.assign(status="done", reason="", left_out=0, **others)


def results(folder, *parts):
    (folder / "tables").mkdir(parents=True)
    pd.concat(parts, ignore_index=True).to_parquet(folder / "tables/scores.parquet")
    return str(folder)


@pytest.fixture
def two(tmp_path):
    """Eight images; B succeeds where A does and on the attacked images of the first two groups besides."""
    a = results(tmp_path / "a", rows([0, 1, 0, 1, 0, 1, 0, 1]), rows([1] * 8, detector="gcagc"))
    b = results(tmp_path / "b", rows([1, 1, 1, 1, 0, 1, 0, 1]), rows([1] * 8, purifier="jpeg"))
    return a, b


def mistake(capsys, *arguments):
    """The one line that a failing comparison prints on standard error."""
    assert main(["tables", "compare", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line


def test_difference_is_second_minus_first_on_the_same_images(two, tmp_path, capsys):
    assert main(["tables", "compare", *two, *FEW, "--output", str(tmp_path / "out.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert list(table["metric"]) == ["success", "ap", "f_beta", "mae"] and set(table["detector"]) == {"gicd"}
    first = table.iloc[0]
    assert (first["value"], first["done"], first["expected"]) == (0.25, 8, 8)
    assert 0 <= first["low"] < 0.25 < first["high"] <= 0.5  # group means are .5, .5, 0, 0
    text = capsys.readouterr().out
    assert "| mini      | Jadena        | CosalPure  | GICD       | +0.250 [+0." in text
    assert text.count(" alone excluded.") == 2 and " of 8" not in text


def test_metric_and_split_are_chosen(two, tmp_path):
    out = tmp_path / "out.csv"
    assert main(["tables", "compare", *two, *FEW, "--metric", "success", "--split", "adv", "--output", str(out)]) == 0
    (row,) = pd.read_csv(out).itertuples()
    assert (row.metric, row.split, row.value, row.done) == ("success", "adv", 0.5, 4)


def test_images_of_one_run_alone_are_left_out_and_counted(two, tmp_path, capsys):
    a = rows([0, 1, 0, 1, 0, 1, 0, 1])
    a.loc[3, ["status", "success"]] = ["failed", float("nan")]
    other = results(tmp_path / "other", a.drop(index=[0]))  # B gains on image 0, which A lost
    assert (
        main(["tables", "compare", other, two[1], *FEW, "--metric", "success", "--output", str(tmp_path / "out.md")])
        == 0
    )
    text = capsys.readouterr().out
    assert "6 of 8" in text and "+0.167 [" in text and "'n of m'" in text
    assert (tmp_path / "out.md").read_text() == text


def test_same_results_differ_by_nothing(two, capsys):
    assert main(["tables", "compare", two[0], two[0], *FEW]) == 0
    assert "+0.000 [+0.00, +0.00]" in capsys.readouterr().out


def test_equal_seeds_give_equal_intervals(two, capsys):
    texts = []
    for _ in range(2):
        main(["tables", "compare", *two, "--settings", "{samples: 101}", "--seed", "7", "--metric", "success"])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_mistakes_are_one_line(two, tmp_path, capsys):
    a, b = two
    assert "nowhere/tables/scores.parquet: no such file" in mistake(capsys, a, str(tmp_path / "nowhere"))
    assert "choose from: iou, success, ap" in mistake(capsys, a, b, "--metric", "sucess")
    assert "ends in one of .csv, .md, .parquet" in mistake(capsys, a, b, "--output", "table.xlsx")
    stranger = results(tmp_path / "c", rows([1, 1], dataset="photos"))
    line = mistake(capsys, a, stranger)
    assert "no condition in common" in line and "mini/jadena/cosalpure/gicd" in line and "photos/" in line
    renamed = results(tmp_path / "d", rows([1] * 8).assign(file=[f"{i}.png" for i in range(8)]))
    assert "no scored image in common" in mistake(capsys, a, renamed)
    older = results(tmp_path / "e", rows([1] * 8).drop(columns="mae"))
    assert "lacks the column(s) mae" in mistake(capsys, a, older)
    (tmp_path / "e/tables/scores.parquet").write_bytes(b"not Parquet")
    assert "not a readable Parquet file" in mistake(capsys, a, older)


@pytest.mark.parametrize("split", ["avg", "adv", "clean"])
def test_images_attacked_in_one_run_alone_are_no_pairs(split, tmp_path, capsys):
    """Attacked images all fail and clean ones all succeed, in both runs: nothing differs but which ones are attacked."""
    a = rows([0, 1, 0, 1, 0, 1, 0, 1])
    b = rows([0, 1, 0, 1, 0, 0, 1, 1]).assign(attacked=[True, False] * 2 + [True, True, False, False])
    folders = [results(tmp_path / "a", a), results(tmp_path / "b", b)]
    out = tmp_path / "out.csv"
    assert (
        main(["tables", "compare", *folders, *FEW, "--metric", "success", "--split", split, "--output", str(out)]) == 0
    )
    (row,) = pd.read_csv(out).itertuples()
    assert row.value == 0 and row.done == {"avg": 6, "adv": 3, "clean": 3}[split]
    assert "2 of 8 pairs are excluded" in capsys.readouterr().out


def test_runs_without_any_pair_attacked_alike_are_refused(two, tmp_path, capsys):
    other = rows([1] * 8)
    other["attacked"] = ~other["attacked"]
    line = mistake(capsys, two[0], results(tmp_path / "c", other))
    assert "no scored image in common" in line and "8 pairs are attacked in one run and clean in the other" in line
