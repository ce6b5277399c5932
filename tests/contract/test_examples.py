"""docs/examples/: each file runs through the command line and keeps its contract, and a broken copy does not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cosalpure.cli import main
from cosalpure.data import read_groups
from cosalpure.io import read_pixels

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
METHODS = {  # class, kind, command and settings of every example
    "occlusion": ("Occlusion", "degradation", "degrade", "{side: 0.5}"),
    "noisy_jpeg": ("NoisyJpeg", "purifier", "purify", "{quality: 50}"),
    "noisy_blur": ("NoisyBlur", "purifier", "purify", "{side: 5}"),
    "border_contrast": ("BorderContrast", "detector", "detect", "{border: 3}"),
    "oracle": ("Oracle", "detector", "detect", "{radius: 2}"),
}
BREAK = {  # what makes a broken twin of a file, and the promise that it breaks
    "occlusion": ("images = images.clone()", "images = images", "leaves what it is given unchanged"),
    "noisy_jpeg": ("generator=generator", "generator=None", "gives the same with equal generators"),
    "noisy_blur": ("images + self", "images.detach() + self", "passes gradients to images that ask for them"),
    "border_contrast": ("return distance /", "return 0.5 + distance /", "returns one map for each image"),
    "oracle": ('needs = ["ground_truth"]', "needs = ()", "runs with what it says that it needs"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "mini"
    assert main(["data", "mini", "--output", str(folder), "--settings", "{groups: 1, images: 4, size: 32}"]) == 0
    return folder


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The working directory, with the examples in it."""
    monkeypatch.chdir(tmp_path)
    for name in METHODS:
        shutil.copy(DOCS / "examples" / f"{name}.py", tmp_path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An example as an installed package: its module and its entry point on the path."""
    about = tmp_path / "site" / "occlusion-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: occlusion\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cosalpure.degradations]\nocclusion = occlusion:Occlusion\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(DOCS / "examples")


def run(name, data, output, *options):
    """Run an example's stage by its command; the files that it wrote, in order."""
    cls, _, command, settings = METHODS[name]
    images = [] if command == "degrade" else ["--images", str(data)]
    words = [command, f"{name}.py:{cls}", "--data", str(data), "--output", str(output), *images]
    assert main([*words, "--settings", settings, *options]) == 0
    (group,) = read_groups(data)
    return group.paths(output / ("maps" if command == "detect" else "images"))


def test_every_example_is_tried_here():
    assert {path.stem for path in (DOCS / "examples").glob("*.py")} == set(METHODS) == set(BREAK)


def test_documentation_shows_the_file_as_it_is():
    assert '{{ source("examples/occlusion.py") }}' in (DOCS / "how-to/adding-a-method.md").read_text()


@pytest.mark.parametrize("name", METHODS)
def test_documentation_links_to_every_example(name):
    assert any(f"examples/{name}.py)" in page.read_text() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("name", METHODS)
def test_example_keeps_its_contract(name, examples, capsys):
    cls, kind, _, settings = METHODS[name]
    assert main(["contract", f"{name}.py:{cls}", "--kind", kind, "--settings", settings]) == 0
    assert "keeps all" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", METHODS)
def test_a_broken_copy_does_not_keep_its_contract(name, examples, capsys):
    cls, kind, _, settings = METHODS[name]
    right, wrong, promise = BREAK[name]
    text = Path(f"{name}.py").read_text()
    assert text.count(right) == 1
    Path(f"{name}.py").write_text(text.replace(right, wrong))
    assert main(["contract", f"{name}.py:{cls}", "--kind", kind, "--settings", settings]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"FAIL  {promise}") for line in printed) and "breaks" in printed[-1]


@pytest.mark.parametrize("name", METHODS)
def test_example_declares_how_it_is_printed_and_cited(name, examples):
    from cosalpure.experiment.experiment import METHODS as registries

    cls, kind, _, _ = METHODS[name]
    (registry,) = (its for its in registries.values() if its.kind == kind)
    method = registry.get(f"{name}.py:{cls}")
    assert method.label and method.path == f"{name}.py" and method.settings.model_fields
    assert all(field.description for field in method.settings.model_fields.values())
    assert name == "oracle" or method.bibtex.startswith("@misc{")


@pytest.mark.parametrize("how", ["file", "installed"])
def test_the_degradation_covers_a_square_of_the_attacked_images(how, examples, request, data, tmp_path):
    if how == "installed":
        request.getfixturevalue("installed")
        common = ["--data", str(data), "--output", str(tmp_path / "out"), "--settings", "{side: 0.5}"]
        assert main(["degrade", "occlusion", *common]) == 0
        (group,) = read_groups(data)
        written = group.paths(tmp_path / "out/images")
    else:
        written = run("occlusion", data, tmp_path / "out")
    (group,) = read_groups(data)
    for before, after, attacked in zip(group.paths(data / "images"), written, group.attacked, strict=True):
        if attacked:
            assert (read_pixels(after, "RGB") == 128).all(-1).sum() >= 16 * 16
        else:
            assert before.read_bytes() == after.read_bytes()


def test_the_purifiers_noise_follows_the_seed(examples, data, tmp_path):
    first, again, other = (
        [read_pixels(path, "RGB") for path in run("noisy_jpeg", data, tmp_path / name, "--seed", seed)]
        for name, seed in (("first", "1"), ("again", "1"), ("other", "2"))
    )
    assert all(map(np.array_equal, first, again)) and not any(map(np.array_equal, first, other))


def test_the_detector_finds_more_in_the_object_than_beside_it(examples, data, tmp_path):
    (group,) = read_groups(data)
    pairs = zip(run("border_contrast", data, tmp_path), group.paths(data / "masks"), strict=True)
    inside, outside = np.mean(
        [[maps[mask > 127].mean(), maps[mask <= 127].mean()] for maps, mask in _read(pairs)], axis=0
    )
    assert inside > 1.3 * outside


def test_the_oracle_shows_the_ground_truth(examples, data, tmp_path):
    (group,) = read_groups(data)
    pairs = zip(run("oracle", data, tmp_path), group.paths(data / "masks"), strict=True)
    assert all(((maps > 127) == (mask > 127)).mean() > 0.9 for maps, mask in _read(pairs))


def _read(pairs):
    return [[read_pixels(path, "L").astype(float) for path in pair] for pair in pairs]


def test_examples_settings_are_checked(installed, tmp_path, capsys):
    common = ["--data", "nowhere", "--output", str(tmp_path)]
    assert main(["degrade", "occlusion", *common, "--settings", "{sides: 0.5}"]) == 1
    assert "unknown key (did you mean 'side'?)" in capsys.readouterr().err
