"""How it was made, on the page: the jobs' own records, never the moment at which the page is drawn."""

import re

import pandas as pd
import pytest
from made_jobs import NEW, OLD, leave

from cosalpure import environment, record
from cosalpure.cli import main
from cosalpure.data import COLUMNS
from cosalpure.report import page as report_page
from cosalpure.report import provenance
from cosalpure.report.view import Page
from cosalpure.score import METRICS
from cosalpure.score.settings import Statistics
from cosalpure.tables import stage

HOSTILE = "<img src=x onerror=alert(1)>"
ELSEWHERE = {"commit": NEW, "device": "cuda: NVIDIA H100", "date": "2026-02-03T04:05:06+00:00"}
PAGE_COMMAND = "snakemake --cores 1 report"


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """A function that draws the page of a condition whose jobs left these records."""
    monkeypatch.setenv(record.COMMAND, PAGE_COMMAND)
    monkeypatch.setattr(environment, "git", lambda: ("c" * 40, False))
    results = tmp_path / "results"

    def page(*shards):
        rows = {"dataset": "mini", "degradation": "jadena", "purifier": "source_only", "detector": "gicd"}
        rows |= {"group": ["g", "h"], "slug": ["g", "h"], "index": 0, "file": "0.png", "attacked": True}
        rows |= {"status": "done", "reason": "", "left_out": 0, **dict.fromkeys(METRICS, 0.5)}
        score = results / "score/mini/jadena/source_only/gicd.parquet"
        leave(score, "score", pd.DataFrame(rows))
        manifest = pd.DataFrame(rows | {"sha256": "", "original": "0.png", "truth": True})[list(COLUMNS)]
        leave(results / "data/mini/manifest.parquet", "data", manifest)
        for number, facts in enumerate(shards):
            path = results / f"detect/mini/jadena/source_only/gicd/shards/000{number}-000{number + 1}.parquet"
            leave(path, "detect", method="gicd", **facts)
        stage.run([score], "jadena", Statistics(samples=100), results / "tables", 0)
        command = ["report", "page", results, "--settings", "{samples: 100}", "--output", tmp_path / "r.html"]
        assert main([str(part) for part in command]) == 0
        return (tmp_path / "r.html").read_text()

    return page


def parts(text):
    """The page's top, its section on the results, and that on itself."""
    top = text.partition("<main>")[0]
    results, _, own = text.partition(">How it was made</h2>")[2].partition("</section>")[0].partition("This page</h3>")
    return top, results, own


def test_two_commits_and_machines_are_shown_and_warned_of(draw):
    text = draw({}, ELSEWHERE)
    top, results, own = parts(text)
    first = text.partition("<main>")[2].partition("<ul")[0]
    assert "measured 2026-01-02 to 2026-02-03" in first and "on Xeon with AVX-512 and NVIDIA H100" in first
    assert "were not all made alike" in top
    assert "<li>2 states of the code: aaaaaaaaaaaa (3 jobs), bbbbbbbbbbbb (1 job)</li>" in top
    assert "<li>detect gicd ran on both: the CPU (1 job), a GPU (1 job)</li>" in top
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", results)]
    assert rows[0] == ["3", "data 1, detect 1, score 1", OLD[:12], "Xeon with AVX-512", *["2026-01-02 03:04"] * 2]
    assert rows[1] == ["1", "detect 1", NEW[:12], "NVIDIA H100", *["2026-02-03 04:05"] * 2]
    assert NEW not in own and OLD not in own


def test_jobs_made_alike_are_no_warning(draw):
    top, results, _ = parts(draw({}, {"date": "2026-01-04T00:00:00+00:00"}))
    assert 'class="alert"' not in top and results.count(OLD[:12]) == 1


def test_the_page_does_not_pass_its_own_moment_off_as_that_of_the_results(draw):
    text = draw({}, {})
    top, results, own = parts(text)
    assert re.search(r"This page was drawn on \d{4}-\d\d-\d\d \d\d:\d\d UTC", text.partition("<footer")[2])
    assert "<td>command</td><td>snakemake --cores all</td>" in results and PAGE_COMMAND not in results
    assert f"<td>command</td><td>{PAGE_COMMAND}</td>" in own and "snakemake --cores all" not in own
    assert "c" * 40 + " with uncommitted changes" in own and "c" * 12 not in results
    assert "<td>torch</td><td>2.8.0</td>" in results, "the version that the jobs had"
    assert "<td>device</td>" not in own


def test_what_a_record_says_is_shown_as_text(draw):
    text = draw({"commit": HOSTILE, "plugin": HOSTILE, "device": HOSTILE, "command": HOSTILE}, {})
    assert HOSTILE not in text and text.count("&lt;img src=x") >= 4


def test_many_commands_are_cut_short(draw):
    _, results, _ = parts(draw(*({"command": f"cosalpure detect {number}"} for number in range(7))))
    assert results.count("<td>command</td>") == provenance.COMMANDS + 1 and "and 3 others" in results


def test_results_of_an_older_version_are_counted():
    jobs = [provenance.Job("score", None)]
    text = report_page.render(Page([provenance.build(jobs, {}, 0)]))
    assert "<td>without a record</td>" in text and "<td>score 1</td>" in text
    assert "unknown how the results were made" in report_page.render(Page([provenance.build([], {}, 0)]))


def test_bundled_weights_are_hashed_under_the_configurations_names():
    config = {
        "weights": "bundled:mini/weights/gicd.safetensors",
        "model": {"path": "bundled:mini/models/text-to-image"},
    }
    found = provenance.weight_files(config)
    assert {config["weights"], config["model"]["path"] + "/vae/diffusion_pytorch_model.safetensors"} <= set(found)
    assert all(file.is_file() for file in found.values())
