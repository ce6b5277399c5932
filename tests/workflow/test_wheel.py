"""The wheel outside a clone: the Python interface, the command, the workflow. The environment has no editable install."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

from cosalpure.workflow import names

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[2]
BUILT = ("cosalpure", "setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE")  # what the wheel is made from
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
EIGHT_LINES = """\
import cosalpure as cp
group = cp.load_group("mini", 0)
attacked = cp.create_attack("jadena.mini", steps=2)(group)
concept = cp.learn_concept(attacked, model="mini", steps=2)
purified = cp.create_purifier("cosalpure.mini")(attacked, concept)
maps = cp.create_detector("gicd.mini")(purified)
print(cp.evaluate(maps, group).shape, tuple(maps.shape))
print(cp.list_detectors("*.mini"), cp.__file__)
"""
CORE_ALONE = """\
import os, sys
if os.environ.get("EXTRAS") != "True":
    sys.modules.update(dict.fromkeys(("gdown", "jinja2", "markupsafe", "matplotlib", "snakemake")))
"""
TINY = {
    "datasets": {"mini": {"groups": 1, "images": 2}},
    "conditions": [{"degradations": ["none"], "purifiers": ["source_only"], "detectors": ["poolnet"]}],
    "statistics": {"samples": 100},
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the clone."""
    copy, output = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in BUILT:
        its = ROOT / name
        if its.is_dir():
            shutil.copytree(its, copy / name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
        else:
            shutil.copy(its, copy)
    for name in names(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-c", BUILD, output], cwd=copy, check=True, capture_output=True)
    (found,) = output.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def outside(wheel, tmp_path_factory):
    """Run a command of an environment with the wheel in an empty folder: its output, or an assertion that shows it."""
    environment, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    (site,) = environment.glob("lib/python*/site-packages")
    # The other packages come from this environment. Its own .pth files, the editable install's among them, are not read.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "sitecustomize.py").write_text(CORE_ALONE)
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run([sys.executable, "-m", *install], check=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COSALPURE", "VIRTUAL"))}
    clean = kept | {"OMP_NUM_THREADS": "1"}  # threads that share cores with other tests are slow

    def run(*command, cwd=folder, extras=False):
        done = subprocess.run(
            [environment / "bin" / command[0], *command[1:]],
            cwd=cwd,
            env=clean | {"EXTRAS": str(extras)},
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    run.folder, run.site = folder, site
    return run


def test_the_wheel_holds_the_package_and_the_workflow(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "cosalpure"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    package = {name for name in listed.stdout.split() if not name.endswith("build_sprites.py")}
    workflow = {f"cosalpure/assets/workflow/{name}" for name in names(ROOT)}
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert package | workflow == found


def test_the_eight_lines_of_the_python_interface(outside):
    shapes, listed = outside("python", "-c", EIGHT_LINES).splitlines()[-2:]
    assert shapes == "(3, 5) (8, 1, 64, 64)"
    assert "gicd.mini" in listed and str(outside.site) in listed


def test_the_command_and_the_module_need_no_extra(outside):
    with pytest.raises(AssertionError, match="matplotlib"):
        outside("python", "-c", "import matplotlib")
    assert "purify-folder" in outside("python", "-m", "cosalpure", "--help")
    assert outside("cosalpure", "--version").startswith("cosalpure ")


@pytest.mark.long  # tests/test_purify_folder.py does it in the clone
def test_a_folder_of_photos(outside):
    photos = outside.folder / "photos"
    shutil.copytree(ROOT / "cosalpure/assets/mini/backgrounds", photos, ignore=shutil.ignore_patterns("[!gb]*"))
    outside("cosalpure", "purify-folder", "photos", "--out", "out", "--purifier", "vae_round_trip")
    assert (outside.folder / "out/before-after.png").is_file()


def test_the_workflow(outside):
    said = outside("cosalpure", "workflow", "study")
    study = outside.folder / "study"
    assert "cd study && snakemake --cores all" in said and names(study) == names(ROOT)
    assert (study / "Snakefile").read_bytes() == (ROOT / "Snakefile").read_bytes()
    (study / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    snakemake = ["python", "-m", "snakemake", "--cores", "1"]
    assert "build_report" in outside(*snakemake, "--dry-run", cwd=study, extras=True)
    outside(*snakemake, "table1", "--configfile", "config.yaml", "tiny.yaml", cwd=study, extras=True)
    assert (study / "results/tables/table1.md").is_file()
    outside(
        *snakemake,
        "table1",
        "--report",
        "table.html",
        "--configfile",
        "config.yaml",
        "tiny.yaml",
        cwd=study,
        extras=True,
    )
    assert (study / "table.html").is_file()
