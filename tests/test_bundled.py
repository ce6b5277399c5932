"""Names of bundled files: one place, wherever the user stands."""

import os
from pathlib import Path

import pytest

from cosalpure import networks
from cosalpure.bundled import ASSETS, is_bundled, located
from cosalpure.errors import UserError
from cosalpure.experiment.parse import load_files
from cosalpure.record import without_paths

ROOT = Path(__file__).parents[1]
LIIF = "bundled:mini/weights/liif.safetensors"


def test_a_bundled_file_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert located(LIIF) == "cosalpure/assets/mini/weights/liif.safetensors", "relative: a clone that is moved keeps it"
    monkeypatch.chdir(tmp_path)
    assert located(LIIF) == str(ASSETS / "mini/weights/liif.safetensors") and os.path.isfile(located(LIIF))
    assert networks.read_header(LIIF)["network"] == "liif"


@pytest.mark.parametrize("path", ["weights/liif.safetensors", "/data/bundled:liif", "hf:owner/name", ""])
def test_any_other_path_stays(path):
    assert located(path) == path and not is_bundled(path)


def test_settings_keep_the_short_name_and_rules_get_the_file(tmp_path, monkeypatch):
    entry = load_files([ROOT / "config.yaml"]).detectors["gicd"]
    assert '"bundled:mini/weights/gicd.safetensors"' in entry.settings_text
    monkeypatch.chdir(tmp_path)
    assert entry.files == (str(ASSETS / "mini/weights/gicd.safetensors"),)


def test_a_record_keeps_the_short_name():
    assert without_paths(LIIF) == LIIF


@pytest.mark.parametrize("name", ["bundled:../errors.py", "bundled:mini/../../errors.py", "bundled:/etc/passwd"])
def test_a_bundled_name_does_not_lead_out_of_the_package(name):
    with pytest.raises(UserError, match="expected the name of a file that ships with CosalPure"):
        located(name)
