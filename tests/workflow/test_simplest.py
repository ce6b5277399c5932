"""The simplest experiments end with tables and a report: without references, without attacked images, without partners."""

import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from workflow.conftest import ROOT

pytestmark = pytest.mark.workflow

MAPS = {"weights": "bundled:mini/weights/poolnet.safetensors"}
OWN = {
    "experiment": "own",
    "datasets": {"mini": {"source": "mini", "groups": 2, "images": 2}},
    "degradations": {"none": {}, "noise": {"method": "random_noise"}},
    "purifiers": {"source_only": {}, "mine": {"method": "jpeg", "role": "baseline", "label": "Mine"}},
    "detectors": {"poolnet": MAPS, "second": MAPS | {"method": "poolnet", "channel_means": "official"}},
    "statistics": {"samples": 100},
}
EXPERIMENTS = {
    "clean images alone": ([(["none"], ["source_only"], None)], {}),
    "an attack without any reference": ([(["noise"], ["mine"], ["poolnet"])], {}),
    "an attack without clean images": ([(["noise"], ["source_only", "mine"], ["poolnet"])], {}),
    "no image is attacked": (
        [(["none", "noise"], ["source_only"], ["poolnet"]), (["noise"], ["mine"], ["poolnet"])],
        {"attacked_fraction": 0},
    ),
    "detectors without partners": (
        [(["none", "noise"], ["source_only"], ["poolnet"]), (["noise"], ["mine"], ["second"])],
        {},
    ),
}


def run(warm, folder, *files):
    """Snakemake in `folder` on experiment and variant files; its end, with all that it said."""
    command = [warm.bin / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", 2, "--workflow-profile", ROOT / "profiles/default", "--configfile", *files]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder)


LONG = {"an attack without any reference", "detectors without partners"}  # of what the others show, too


@pytest.mark.parametrize("name", [pytest.param(its, marks=[pytest.mark.long] * (its in LONG)) for its in EXPERIMENTS])
def test_simple_experiments_end_with_tables_and_a_report(name, warm, tmp_path):
    blocks, dataset = EXPERIMENTS[name]
    conditions = [
        {"degradations": degradations, "purifiers": purifiers} | ({"detectors": detectors} if detectors else {})
        for degradations, purifiers, detectors in blocks
    ]
    values = OWN | {"conditions": conditions, "datasets": {"mini": OWN["datasets"]["mini"] | dataset}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    done = run(warm, tmp_path, "own.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    tables = tmp_path / "results/tables"
    assert (tables / "table1.md").is_file() and (tables / "complete.txt").is_file()
    assert (tmp_path / "results/report/report.html").stat().st_size > 10_000
    if name == "an attack without clean images":
        pairs = pd.read_parquet(tables / "differences.parquet")[["purifier", "minus_purifier"]]
        assert ("mine", "source_only") in set(pairs.itertuples(index=False, name=None))
        assert "Mine − Source-Only" in (tables / "differences.md").read_text()


def test_the_documented_degradation_runs_as_it_is_written(warm, tmp_path):
    """docs/how-to/adding-a-method.md: its two files copied into a folder, which is not installed, and its command run there."""
    text = (ROOT / "docs/how-to/adding-a-method.md").read_text()
    section = text[text.index("## A degradation, from the file to the tables") :].split("\n## ")[0]
    blocks = [block.partition("\n")[::2] for block in section.split("```")[1::2]]
    (variant,) = (block for kind, block in blocks if kind == "yaml")
    own = tmp_path / "occlusion"
    own.mkdir()
    shutil.copy(ROOT / "docs/examples/occlusion.py", own)
    (own / "occlusion.yaml").write_text(variant)
    (tmp_path / "config.yaml").symlink_to(ROOT / "config.yaml")
    small = tmp_path / "small.yaml"
    small.write_text(yaml.safe_dump({"datasets": {"mini": {"groups": 2, "images": 2}}, "statistics": {"samples": 100}}))
    done = run(warm, tmp_path, "config.yaml", own / "occlusion.yaml", small)
    assert done.returncode == 0, done.stderr[-3000:]
    table = (tmp_path / "results/tables/table1.md").read_text()
    assert "Source-Only" in table and (tmp_path / "results/report/report.html").is_file()
    assert "grey square" in (tmp_path / "results/tables/degradations.md").read_text()
    assert done.stderr.count("note: no condition uses degradations.none, degradations.jadena, ") == 1
