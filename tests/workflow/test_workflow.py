"""The chain from sprites to tables, as a user runs it."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.concept import Concept
from cosalpure.data import read_groups

ROOT = Path(__file__).resolve().parents[2]
METRICS = ["iou", "success", "ap", "f_beta", "mae"]
DETECTORS = ["gcagc", "gicd", "poolnet"]
LAST = {"build_report", "check_complete", "collect_scores", "draw_comparison", "draw_failures"}  # what new scores rerun
PURIFIERS = ["source_only", "vae_round_trip", "cosalpure_no_inversion", "cosalpure_none_concept", "cosalpure"]

pytestmark = pytest.mark.workflow


def test_a_run_has_a_line_a_job_and_ends_with_the_report_and_the_comparison(finished):
    lines = finished.output.splitlines()
    jobs = [line for line in lines if line.startswith("[")]
    count = int(next(line for line in lines if " jobs to run, " in line).split()[0])
    beats = sum("] " in line and "running: " in line for line in jobs)
    assert len(jobs) - beats == count, "a line for each but `all`, and one for the end"
    assert len(lines) - len(jobs) <= 20, finished.output
    report, verified, *changed = lines[-(2 + sum(line.startswith("  ") for line in lines)) :]
    assert report == "report: results/report/report.html"
    assert verified.startswith("verify: there is no reference for these settings; ")
    assert any("data/mini: groups is 3, in the reference 24" in line for line in changed)


def test_every_image_of_every_condition_is_scored(finished):
    scores = finished.scores()
    assert len(scores) == 6 * 3 * 3 * 4  # conditions, detectors, groups, images
    assert set(scores.status) == {"done"}
    pairs = [("none", "source_only"), *(("jadena", purifier) for purifier in PURIFIERS)]
    expected = {(*pair, detector): 12 for pair in pairs for detector in DETECTORS}
    assert scores.groupby(["degradation", "purifier", "detector"]).size().to_dict() == expected
    one = pd.read_parquet(finished.folder / "results/score/mini/jadena/cosalpure/gicd.parquet")
    assert len(one) == 12 and one.attacked.sum() == 6


@pytest.mark.parametrize("table", ["table1", "table2", "differences", "degradations"])
def test_tables_are_written_in_four_formats(finished, table):
    folder = finished.folder / "results/tables"
    assert all((folder / f"{table}.{kind}").stat().st_size for kind in ("parquet", "csv", "md", "tex"))
    tidy = pd.read_parquet(folder / f"{table}.parquet")
    assert (tidy.done == tidy.expected).all()
    assert ((tidy.low <= tidy.value) & (tidy.value <= tidy.high)).all()


def test_table_value_is_the_mean_of_the_score_rows(finished):
    scores, table = finished.scores(), pd.read_parquet(finished.folder / "results/tables/table2.parquet")
    for cell in table.itertuples():
        rows = scores[(scores.degradation == cell.degradation) & (scores.purifier == cell.purifier)]
        rows = rows[rows.detector == cell.detector]
        if cell.split != "avg":
            rows = rows[rows.attacked == (cell.split == "adv")]
        assert cell.value == pytest.approx(rows.success.mean())


def test_attack_keeps_clean_images_byte_identical(finished):
    data, attack = finished.folder / "results/data/mini", finished.folder / "results/degrade/mini/jadena"
    for group in read_groups(data):
        pairs = zip(group.paths(data / "images"), group.paths(attack / "images"), group.attacked, strict=True)
        for before, after, attacked in pairs:
            assert (before.read_bytes() == after.read_bytes()) == (not attacked)


def test_purifiers_see_every_image(finished):
    purified = finished.folder / "results/purify/mini/jadena"
    sources = finished.folder / "results/degrade/mini/jadena/images"
    for path in sources.glob("*/*.png"):
        image = np.asarray(Image.open(path))
        for purifier in PURIFIERS:
            other = np.asarray(Image.open(purified / purifier / "images" / path.parent.name / path.name))
            assert np.array_equal(image, other) == (purifier == "source_only")


def test_concepts_are_small_files_of_their_own_token(finished):
    files = list((finished.folder / "results/concept/mini/jadena/groups").glob("*/learned_embeds.safetensors"))
    assert len(files) == 3
    for file in files:
        assert file.stat().st_size < 20_000
        assert Concept.load(file).token == f"<my-{file.parent.name}>"


@pytest.mark.parametrize("detector", DETECTORS)
def test_overview_figure_is_drawn(finished, detector):
    with Image.open(finished.folder / f"results/report/figures/overview_mini_jadena_{detector}.png") as image:
        assert image.width > 500 and image.height > 800


def test_report_page_is_written_with_all_it_has_to_show(finished):
    text = (finished.folder / "results/report/report.html").read_text()
    for part in (
        "paired",
        "Table 2.",
        "Gallery",
        ">commit<",
        "unet/diffusion_pytorch_model.safetensors",
        "gao2022jadena",
    ):
        assert part in text, part
    assert "<td>purify</td><td>12</td>" in text, "two jobs of each condition"


def test_figures_of_single_images_are_drawn(finished):
    figures = finished.folder / "results/report/figures"
    for name in ("comparison_mini_jadena", "ablation_mini_jadena", "failures_mini_jadena_cosalpure"):
        with Image.open(figures / f"{name}.png") as image:
            assert image.width > 500 and image.height > 400, name


def test_snakemakes_own_report_has_captions_categories_and_labels(finished, tmp_path):
    finished.run("--report", tmp_path / "report.zip")
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        page = archive.read("report/report.html").decode()
    assert {"table1.csv", "report.html", "overview_mini_jadena_gicd.png", "failures_mini_jadena_cosalpure.png"} <= names
    for text in ("Tables", "Figures", "that cosalpure leaves worst", "data set", "table2 of the run"):
        assert text in page, text


def test_the_report_says_what_was_typed(finished):
    text = (finished.folder / "results/report/report.html").read_text()
    assert "<td>command</td><td>snakemake" in text and "small.yaml" in text.partition("<td>command</td>")[2][:2000]


def test_further_seeds_repeat_attack_learning_and_purification(finished, workflow):
    workflow.take_over(finished)
    conditions = [
        {"degradations": ["none"], "purifiers": ["source_only"]},
        {"degradations": ["jadena"], "purifiers": ["source_only", "cosalpure"]},
    ]
    workflow.set(further_seeds=[7], conditions=conditions, detectors={"gicd": {}})
    counts = workflow.planned()
    assert (counts["degrade_images"], counts["learn_concepts"], counts["purify_images"]) == (2, 2, 2)
    workflow.run("results/tables/seeds.md", "results/tables/table2.md")
    images = workflow.folder / "results/degrade/mini"
    name = "images/{}/{}".format(*next((images / "jadena/images").glob("*/000_*.png")).parts[-2:])
    purified = [workflow.folder / f"results/purify/mini/{d}/cosalpure/{name}" for d in ("jadena", "jadena.seed7")]
    assert (images / "jadena" / name).read_bytes() == (images / "jadena.seed7" / name).read_bytes(), "no draws in it"
    assert purified[0].read_bytes() != purified[1].read_bytes()
    table = pd.read_parquet(workflow.folder / "results/tables/seeds.parquet")
    ours = table[table.purifier == "cosalpure"]
    assert set(ours.seeds) == {2} and set(ours.done) == {24, 12} and ours.sd.notna().all()
    assert set(table.seeds[table.purifier == "source_only"]) == {1}


def test_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}
    assert "Nothing to be done" in finished.run("--dry-run").stdout


def rules_after(finished, **changes):
    """The rules that a changed configuration would run again."""
    try:
        finished.set(**changes)
        return set(finished.planned()) - {"all"}
    finally:
        finished.set()


def test_changed_guidance_scale_reruns_purification_and_what_follows(finished):
    purifiers = {"cosalpure": {"guidance_scale": 4.0}}
    expected = {"purify_images", "detect_cosaliency", "score_maps", "build_table", "draw_overview"} | LAST
    assert rules_after(finished, purifiers=purifiers) == expected
    finished.set(purifiers=purifiers)
    try:
        counts = finished.planned()
    finally:
        finished.set()
    assert counts["purify_images"] == 4  # cosalpure and the ablation that is like it, two jobs each
    assert counts["score_maps"] == 2 * len(DETECTORS)


def test_changed_metric_reruns_scoring_and_tables_alone(finished):
    assert rules_after(finished, score={"success_iou": 0.6}) == {"score_maps", "build_table"} | LAST


def test_changed_statistics_reruns_tables_alone(finished):
    assert rules_after(finished, statistics={"samples": 200}) == {"build_table", "build_report", "check_complete"}


def test_changed_concept_learning_leaves_the_attack_alone(finished):
    rules = rules_after(finished, concept={"steps": 5})
    assert "learn_concepts" in rules and not rules & {"make_dataset", "degrade_images"}


def test_results_do_not_depend_on_cores_or_job_size(finished, workflow):
    # Another run from nothing: one core, all groups in one job, and only some of the conditions.
    workflow.set(
        groups_per_job=dict.fromkeys(("degrade", "concept", "purify", "detect"), 3),
        conditions=[{"degradations": ["jadena"], "purifiers": ["source_only", "cosalpure"]}],
    )
    workflow.run("score", cores=1)
    ours = workflow.score_files()
    keys = ["degradation", "purifier", "detector", "slug", "file"]
    merged = ours.merge(finished.scores(), on=keys, suffixes=("", "_other"), validate="one_to_one")
    assert len(merged) == len(ours) == 2 * len(DETECTORS) * 12
    for metric in METRICS:
        np.testing.assert_allclose(merged[metric], merged[f"{metric}_other"], atol=1e-4)


def test_killed_job_is_run_again_and_scores_are_equal(finished, workflow):
    workflow.warm = None  # with warm jobs, the one that is killed would be another process
    workflow.take_over(finished)
    workflow.set(conditions=[{"degradations": ["jadena"], "purifiers": PURIFIERS, "detectors": ["gicd"]}])
    for folder in ("concept", "purify/mini/jadena/cosalpure", "detect/mini/jadena/cosalpure", "score", "tables"):
        shutil.rmtree(workflow.folder / "results" / folder)
    assert workflow.kill_one("cosalpure concept") != 0
    assert workflow.planned()["learn_concepts"] >= 1
    workflow.run()
    expected = finished.scores().query("degradation == 'jadena' and detector == 'gicd'").reset_index(drop=True)
    pd.testing.assert_frame_equal(workflow.scores(), expected)
    assert not list(workflow.folder.rglob("*.partial"))


def test_tables_made_again_have_equal_bytes(finished, workflow):
    tables = finished.folder / "results/tables"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    finished.run("tables", "--forcerun", "build_table", "collect_scores")
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == before


def test_concepts_are_shown_from_clean_and_attacked_groups(workflow, finished):
    workflow.take_over(finished)
    workflow.run("concepts_shown")
    figures = workflow.folder / "results/report/figures"
    for name in ("concepts_mini_jadena_none", "attention_mini_jadena_cosalpure"):
        with Image.open(figures / f"{name}.png") as figure:
            assert figure.height == 58 + 100 * 3 * (2 if name.startswith("attention") else 1), "three groups"
    clean, attacked = (workflow.folder / f"results/concept/mini/{name}/groups" for name in ("none", "jadena"))
    for path in clean.glob("*/learned_embeds.safetensors"):
        assert path.read_bytes() != (attacked / path.parent.name / path.name).read_bytes()
