"""Tables from synthetic scores whose means are the paper's numbers: aggregation, layout, honesty about gaps."""

import csv

import numpy as np
import pandas as pd
import pytest
from tables.paper import ENTRIES, EXPERIMENT, KEYS, build, named, published

from cosalpure.errors import UserError
from cosalpure.labels import Entries
from cosalpure.score.settings import Statistics
from cosalpure.tables import TABLES
from cosalpure.tables.scores import left_out, read_scores
from cosalpure.tables.stage import run
from cosalpure.tables.write import as_latex, as_markdown, write_parquet, write_table

PAPER = named()
# attacked and clean images: floor(N / 2) of every group; the only split that fits all of Table 2 to four digits
IMAGES = {"Cosal2015": (997, 1018), "iCoseg": (310, 333), "CoSOD3k": (1627, 1689), "CoCA": (627, 668)}
GROUPS = {"Cosal2015": 50, "iCoseg": 38, "CoSOD3k": 160, "CoCA": 80}
PURIFIERS = ["source_only", "diffpure", "dda", "cosalpure"]
DETECTORS = ["gicd", "gcagc", "poolnet"]
FEW = {"samples": 20, "entries": ENTRIES}
MEASURED = ["table", *KEYS, "metric", "split", "value", "low", "high", "expected", "done", "failed", "undefined"]


def condition(dataset, purifier, detector, success_rates, others, degradation="jadena"):
    """Score rows of one condition: whole successes at the given (attacked, clean) rates, other metrics constant."""
    attacked, clean = IMAGES[dataset]
    is_attacked = np.arange(attacked + clean) < attacked
    success = np.zeros(attacked + clean)
    success[: round(success_rates[0] * attacked)] = 1
    success[attacked : attacked + round(success_rates[1] * clean)] = 1
    group = [f"g{i % GROUPS[dataset]:03d}" for i in range(attacked + clean)]
    rows = {"dataset": dataset, "degradation": degradation, "purifier": purifier, "detector": detector}
    rows |= {"group": group, "slug": group, "index": np.arange(attacked + clean), "attacked": is_attacked}
    rows |= {"file": [f"{i:04d}.png" for i in range(attacked + clean)], "status": "done"}
    return pd.DataFrame({**rows, "iou": success, "success": success, **others, "reason": ""})


def paper_condition(dataset, purifier, detector):
    keys = {"dataset": dataset, "purifier": purifier, "detector": detector, "degradation": "jadena"}
    rows = PAPER[np.logical_and.reduce([PAPER[key] == value for key, value in keys.items()])]
    rates = rows[rows["table"] == "2"].set_index("split")["value"]
    others = rows[(rows["table"] == "1") & (rows["metric"] != "sr")].set_index("metric")["value"].to_dict()
    return condition(dataset, purifier, detector, (rates["adv"], rates["clean"]), others)


@pytest.fixture(scope="module")
def paper_scores():
    parts = [paper_condition(d, p, n) for d in IMAGES for p in PURIFIERS for n in DETECTORS]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def scores():
    """iCoseg, GICD: the clean reference, source-only and two purifiers."""
    plain = {"ap": 0.5, "f_beta": 0.5, "mae": 0.2}
    parts = [
        condition("iCoseg", "source_only", "gicd", (0.7, 0.6), plain, degradation="none"),
        condition("iCoseg", "source_only", "gicd", (0.1, 0.6), plain),
        condition("iCoseg", "diffpure", "gicd", (0.3, 0.5), {**plain, "mae": 0.1}),
        condition("iCoseg", "cosalpure", "gicd", (0.5, 0.55), {**plain, "ap": 0.7}),
    ]
    return pd.concat(parts, ignore_index=True)


def pick(table, **keys):
    """The one row of a tidy table with these keys."""
    (row,) = table[np.logical_and.reduce([table[key] == value for key, value in keys.items()])].itertuples()
    return row


# --- aggregation ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("number", ["1", "2"])
def test_scores_with_the_papers_means_give_the_papers_table(paper_scores, number):
    table = build(f"table{number}", paper_scores, **FEW)
    assert list(table.columns) == [*MEASURED, "paper", "minus_paper", "paper_inside", "label", "detector_label", "role"]
    published = PAPER[PAPER["table"] == number]
    assert len(table) == len(published)  # 4 datasets x 4 purifiers x 3 detectors x 4 metrics (or 3 splits)
    merged = table.merge(published, on=MEASURED[:7], suffixes=("", "_published"))
    assert len(merged) == len(published)
    np.testing.assert_allclose(merged["value"], merged["value_published"], atol=1.01e-4)
    np.testing.assert_allclose(merged["paper"], merged["value_published"])
    assert (table["low"] <= table["value"] + 1e-9).all() and (table["value"] <= table["high"] + 1e-9).all()


@pytest.mark.slow
def test_rows_and_columns_come_in_the_papers_order(paper_scores):
    table = build("table1", paper_scores, **FEW)
    assert list(table["dataset"].unique()) == list(IMAGES)
    assert list(table["purifier"].unique()) == PURIFIERS
    assert list(table["detector"].unique()) == DETECTORS
    assert list(table["metric"].unique()) == ["sr", "ap", "f_beta", "mae"]
    again = build("table1", paper_scores, purifiers=PURIFIERS[::-1], detectors=["poolnet"], datasets=["CoCA"], **FEW)
    assert list(again["purifier"].unique()) == PURIFIERS[::-1]
    assert set(again["detector"]) == {"poolnet"} and set(again["dataset"]) == {"CoCA"}


def test_interval_is_of_its_own_cell_whatever_else_is_in_the_table(scores):
    whole = build("table1", scores, samples=50)
    alone = build("table1", scores[scores["purifier"] == "cosalpure"], samples=50)
    assert pick(whole, purifier="cosalpure", metric="sr")[8:11] == pick(alone, purifier="cosalpure", metric="sr")[8:11]
    other_seed = build("table1", scores, samples=50, seed=1)
    assert not whole["low"].equals(other_seed["low"])


def test_clean_reference_is_the_first_row_where_it_was_run(scores):
    table = build("table2", scores, **FEW)
    assert (table["degradation"].iloc[0], table["purifier"].iloc[0]) == ("none", "source_only")
    assert pick(table, degradation="none", split="adv").value == pytest.approx(0.7)
    assert "Clean (no attack)" in as_markdown(table)
    attacked_only = build("table2", scores[scores["degradation"] == "jadena"], **FEW)
    assert "Clean (no attack)" not in as_markdown(attacked_only)


def test_ap_without_a_value_is_left_out_and_counted(scores):
    scores.loc[scores["purifier"] == "cosalpure", "ap"] = [np.nan] * 3 + [0.25] * 640
    cell = pick(build("table1", scores, **FEW), purifier="cosalpure", metric="ap")
    assert (cell.value, cell.done, cell.undefined) == (0.25, 643, 3)


# --- gaps -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def broken(scores):
    """CosalPure lacks 5 attacked images (2 failed, 3 missing) and would win by its survivors alone."""
    rows = np.flatnonzero(scores["purifier"] == "cosalpure")[:5]
    scores.loc[rows, ["iou", "success", "ap", "f_beta", "mae"]] = np.nan
    scores.loc[rows, "status"] = ["failed"] * 2 + ["missing"] * 3
    return scores


def test_incomplete_conditions_are_counted_and_marked(broken):
    table = build("table2", broken, **FEW)
    cell = pick(table, purifier="cosalpure", split="adv")
    assert (cell.expected, cell.done, cell.failed) == (310, 305, 2)
    assert pick(table, purifier="cosalpure", split="clean").done == 333
    text = as_markdown(table)
    assert "305 of 310" in text and "638 of 643" in text and "333 of 333" not in text
    assert "305 of 310" in as_latex(table)


def test_an_incomplete_condition_is_never_the_best(broken):
    row = markdown_row(build("table2", broken, **FEW), "CosalPure")
    assert not any("**" in cell for cell in row)
    assert markdown_row(build("table2", broken, **FEW), "DiffPure")[4].startswith("**0.300")


def test_a_condition_without_any_scores_keeps_its_row(scores):
    table = build("table1", scores, purifiers=["source_only", "dda"], **FEW)
    cell = pick(table, purifier="dda", metric="sr")
    assert np.isnan(cell.value) and (cell.expected, cell.done) == (643, 0)
    assert markdown_row(table, "DDA")[3] == "– 0 of 643 (paper 0.467)"


# --- differences ------------------------------------------------------------------------------------------------------
def test_differences_are_paired_on_images(scores):
    table = build("differences", scores, samples=200)
    attack = pick(table, minus_degradation="none", split="adv")
    assert attack.value == pytest.approx(-0.6) and attack.high < 0
    assert pick(table, minus_degradation="none", split="clean").value == 0
    ours = table[table["purifier"] == "cosalpure"]
    assert list(ours["minus_purifier"].unique()) == ["source_only", "diffpure"]
    assert pick(table, purifier="diffpure", minus_purifier="source_only", split="adv").value == pytest.approx(0.2)
    gain = pick(ours, minus_purifier="source_only", split="adv")
    assert gain.value == pytest.approx(0.4) and 0 < gain.low < gain.value < gain.high
    text = as_markdown(table)
    assert "Attacked − clean" in text and "CosalPure − DiffPure" in text and "+0.400 [+0." in text


def test_differences_do_not_depend_on_the_order_of_images(scores):
    table = build("differences", scores, **FEW)
    shuffled = scores.sample(frac=1, random_state=0)
    keys = ["purifier", "minus_purifier", "minus_degradation", "split"]
    mixed = build("differences", shuffled, **FEW).set_index(keys)["value"].sort_index()
    pd.testing.assert_series_equal(mixed, table.set_index(keys)["value"].sort_index())


def test_differences_count_only_images_that_both_have(broken):
    cell = pick(build("differences", broken, **FEW), minus_purifier="diffpure", split="adv")
    assert (cell.expected, cell.done, cell.failed) == (310, 305, 2)
    dropped = broken[broken["status"] == "done"]  # as if the rows had been lost altogether
    cell = pick(build("differences", dropped, **FEW), minus_purifier="diffpure", split="adv")
    assert (cell.expected, cell.done) == (310, 305)


# --- files ------------------------------------------------------------------------------------------------------------
def markdown_row(table, method):
    """The cells of the Markdown row of a method, dataset, detector and method first."""
    (line,) = [line for line in as_markdown(table).splitlines() if f"| {method} " in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.slow
def test_markdown_stacks_detectors_and_shows_the_published_values(paper_scores):
    lines = [line for line in as_markdown(build("table1", paper_scores, **FEW)).splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert header == ["Dataset", "Detector", "Method", "SR↑", "AP↑", "Fβ↑", "MAE↓"]
    assert len(rows) == 4 * 3 * 4  # datasets, detectors, methods
    assert rows[0][:3] == ["Cosal2015", "GICD", "Source-Only"] and rows[0][3].startswith("0.349 [")
    assert rows[0][3].endswith("(paper 0.349, +0.000, inside)")
    assert rows[4][:3] == ["", "GCAGC", "Source-Only"]  # a name stands where it changes
    assert rows[12][:2] != ["", ""] and rows[12][1] == "GICD"
    table2 = as_markdown(build("table2", paper_scores, **FEW))
    assert "| avg↑" in table2 and "| clean↑" in table2


def test_bold_marks_the_best_of_each_column_as_the_paper_does(scores):
    table = build("table1", scores, **FEW)
    assert [cell.startswith("**") for cell in markdown_row(table, "CosalPure")[3:]] == [True, True, True, False]
    assert [cell.startswith("**") for cell in markdown_row(table, "DiffPure")[3:]] == [False, False, True, True]
    clean = markdown_row(table, "Clean (no attack)")
    assert not any("**" in cell for cell in clean)  # it would win the success rate


def test_degradations_are_compared_where_nothing_is_purified(scores):
    unpurified = scores[(scores["degradation"] == "jadena") & (scores["purifier"] == "source_only")]
    blurred = unpurified.assign(degradation="blur", success=1.0)
    table = build("degradations", pd.concat([scores, blurred], ignore_index=True), **FEW)
    assert set(table["purifier"]) == {"source_only"} and len(table) == 3 * 3  # degradations, splits
    text = as_markdown(table)
    rows = [line.split("|")[3].strip() for line in text.splitlines() if line.startswith("|")]
    assert rows[2:] == ["none (clean)", "Jadena", "blur"] and "**" not in text and "Bold" not in text


def test_latex_is_escaped(scores):
    scores["dataset"] = "my_data & 100%"
    text = as_latex(build("table1", scores, **FEW))
    assert r"my\_data \& 100\% & Clean (no attack)" in text
    assert r"\textbf{0." in text and r"F$_\beta$$\uparrow$" in text
    assert text.count(r"\\") == 2 + 4
    assert "β" not in text and "↑" not in text


def test_markdown_escapes_bars(scores):
    scores["dataset"] = "a|b"
    assert r"a\|b" in as_markdown(build("table1", scores, **FEW))


def test_all_four_files_are_written_with_equal_bytes(scores, tmp_path):
    for folder in ("one", "two"):
        write_table(build("table1", scores, **FEW), tmp_path / folder / "table1")
    for ending in ("parquet", "csv", "md", "tex"):
        first = (tmp_path / "one" / f"table1.{ending}").read_bytes()
        assert first and first == (tmp_path / "two" / f"table1.{ending}").read_bytes()
    table = pd.read_parquet(tmp_path / "one" / "table1.parquet")
    pd.testing.assert_frame_equal(table, build("table1", scores, **FEW))


def test_every_table_says_what_datasets_left_out(scores, tmp_path):
    assert left_out(scores.assign(left_out=0)) == ""
    note = left_out(scores.assign(left_out=3))
    assert "excludes 3 invalid images" in note and note.endswith("(problems.parquet beside its manifest).")
    write_parquet(scores.assign(left_out=1), tmp_path / "scores.parquet")
    run([tmp_path / "scores.parquet"], "jadena", Statistics(samples=100), tmp_path / "tables", seed=0)
    for name in (
        name for name in TABLES if name not in ("table3", "table4", "table5", "seeds")
    ):  # these scores have none of theirs
        assert "excludes 1 invalid image (" in (tmp_path / f"tables/{name}.md").read_text()
        assert "excludes 1 invalid image (" in (tmp_path / f"tables/{name}.tex").read_text()
        assert "1 invalid image" in pd.read_parquet(tmp_path / f"tables/{name}.parquet").attrs["note"]


def test_every_table_says_how_many_images_have_an_empty_ground_truth(scores):
    scores = scores.assign(left_out=0, reason="")
    assert left_out(scores) == ""
    first = scores.iloc[0]
    same = (scores[["dataset", "slug", "file"]] == first[["dataset", "slug", "file"]]).all(axis=1)
    scores.loc[same, "reason"] = "empty ground truth"
    assert same.sum() > 1, "one image in several conditions is counted once"
    assert f"{first.dataset} has 1 image with an empty ground truth, scored by MAE only" in left_out(scores)


def test_csv_holds_full_numbers_and_their_intervals(broken, tmp_path):
    write_table(build("table2", broken, **FEW), tmp_path / "table2")
    rows = {row["method"]: row for row in csv.DictReader((tmp_path / "table2.csv").open())}
    assert list(rows) == ["Clean (no attack)", "Source-Only", "DiffPure", "CosalPure"]
    row = rows["CosalPure"]
    assert float(row["GICD adv↑"]) == pytest.approx(150 / 305, abs=1e-6)
    assert float(row["GICD adv↑ low"]) <= float(row["GICD adv↑"]) <= float(row["GICD adv↑ high"])
    assert row["GICD adv↑ images"] == "305 of 310"


def test_scores_are_read_in_the_order_of_the_files(scores, tmp_path):
    paths = []
    for purifier in ("cosalpure", "diffpure"):
        paths.append(tmp_path / f"{purifier}.parquet")
        write_parquet(scores[scores["purifier"] == purifier], paths[-1])
    assert list(read_scores(paths)["purifier"].unique()) == ["cosalpure", "diffpure"]
    with pytest.raises(UserError, match="twice"):
        read_scores([paths[0], paths[0]])
    with pytest.raises(UserError, match="no such score file"):
        read_scores([tmp_path / "other.parquet"])
    with pytest.raises(UserError, match="no score files"):
        read_scores([])


def test_an_unknown_degradation_names_those_that_were_scored(scores):
    with pytest.raises(UserError, match="no scores of degradation 'motion_blur'.*none, jadena"):
        build("table1", scores, degradation="motion_blur")


def test_a_method_without_a_label_goes_by_its_own_name(scores):
    scores["detector"] = "my_detector"
    assert set(build("table1", scores, **FEW)["detector_label"]) == {"my_detector"}


# --- entries ----------------------------------------------------------------------------------------------------------
def renamed(family, name):
    """Another name for an entry, under which no label, role or reported row is known."""
    return f"{family[:3]}-{sum(map(ord, name))}"


@pytest.mark.slow
@pytest.mark.parametrize("rename", [None, renamed], ids=["named as in config/paper.yaml", "every entry renamed"])
def test_every_published_value_stands_beside_the_row_that_reproduces_it(rename, tmp_path):
    rows, found = named(rename), {}
    for family in ("datasets", "degradations", "purifiers", "detectors"):
        entries = getattr(EXPERIMENT, family)
        found[family] = {rename(family, name) if rename else name: entry for name, entry in entries.items()}
    entries, parts = Entries(found), []
    for key, cells in rows.assign(published=published()["dataset"]).groupby(KEYS, sort=False):
        values = cells.drop_duplicates(["metric", "split"]).set_index(["metric", "split"])["value"]
        halves = IMAGES[cells["published"].iloc[0]]
        attacked = np.arange(sum(halves)) < halves[0]
        if ("sr", "adv") in values:  # the rates of both halves are published
            ranks = np.where(attacked, np.arange(sum(halves)), np.arange(sum(halves)) - halves[0])
            hits = [round(values["sr", split] * count) for split, count in zip(("adv", "clean"), halves, strict=True)]
            success = ranks < np.where(attacked, *hits)
        else:
            success = np.arange(sum(halves)) < round(values["sr", "avg"] * sum(halves))
        one = dict(zip(KEYS, key, strict=True)) | {"status": "done", "left_out": 0, "attacked": attacked}
        one |= {metric: values.get((metric, "avg"), 0.5) for metric in ("ap", "f_beta", "mae")}
        one |= {"success": success.astype(float), "slug": [f"g{i % 4}" for i in range(len(attacked))]}
        parts.append(pd.DataFrame({**one, "file": [f"{i}.png" for i in range(len(attacked))]}))
    write_parquet(pd.concat(parts, ignore_index=True), tmp_path / "scores.parquet")
    attack = next(name for name, its in entries.as_dict()["degradations"].items() if its["role"] == "attack")
    run([tmp_path / "scores.parquet"], attack, Statistics(samples=100), tmp_path, seed=0, entries=entries)
    for number in ("1", "2", "3", "4"):
        table = pd.read_parquet(tmp_path / f"table{number}.parquet").set_index(MEASURED[1:7])
        expected = rows[rows["table"] == number].set_index(MEASURED[1:7])["value"]
        assert len(expected) and expected.index.isin(table.index).all()
        beside = table.loc[expected.index]
        np.testing.assert_array_equal(beside["paper"], expected)
        np.testing.assert_allclose(beside["value"], expected, atol=3e-4)  # whole images
        assert table["paper"].notna().sum() == len(expected), "nothing else has a published value"


def test_two_entries_of_one_label_keep_their_rows_and_are_told_apart(scores):
    twin = scores[scores["purifier"] == "cosalpure"].assign(purifier="twin", success=1.0)
    values = {"purifiers": {"cosalpure": {"label": "CosalPure"}, "twin": {"label": "CosalPure", "role": "baseline"}}}
    options = {"samples": 20, "entries": Entries.of(values)}
    both = pd.concat([scores, twin], ignore_index=True)
    for table in (build("table1", both, **options), build("table2", both, **options)):
        text = as_markdown(table)
        assert "CosalPure (cosalpure)" in text and "CosalPure (twin)" in text
    assert "CosalPure (cosalpure) − CosalPure (twin)" in as_markdown(build("differences", both, **options))


def test_a_clean_reference_of_any_name_is_found(scores):
    scores = scores.replace({"degradation": {"none": "untouched"}, "purifier": {"source_only": "as_is"}})
    values = {"degradations": {"untouched": {"role": "reference"}}, "purifiers": {"as_is": {"role": "reference"}}}
    options = {"samples": 20, "entries": Entries.of(values)}
    assert "Clean (no attack)" in as_markdown(build("table2", scores, **options))
    assert "Attacked − clean" in as_markdown(build("differences", scores, **options))
