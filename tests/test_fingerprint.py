"""The fingerprint of code: what computes a result changes it, prose and other methods' code do not."""

import ast
import inspect
import re
import shutil
import sys
from importlib.metadata import Distribution, EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cosalpure import fingerprint, registry
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load
from cosalpure.fingerprint import code_of, data_code, method_code, method_search, search
from cosalpure.methods import METHODS
from cosalpure.train import code as training_code

ROOT = Path(__file__).resolve().parents[1]
DETECTOR = '''
from plugin_{n}.tools import cut


class Mine:
    """Predict."""

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, images, given):
        from plugin_{n}.inner import scale

        return scale(cut(images))  # maps
'''
TOOLS = """
def cut(x):
    return (x > 0.5).float()
"""


class Dist(Distribution):
    """A distribution that is installed in some version."""

    def __init__(self, version):
        self.text = f"Metadata-Version: 2.1\nName: plugin\nVersion: {version}\n"

    def read_text(self, filename):
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        return path


class Plugin:
    """An installed package of its own with a detector, whose files can be edited."""

    count = 0

    def __init__(self, folder, monkeypatch):
        Plugin.count += 1  # a name of its own: modules of that name are loaded once
        self.name, self.monkeypatch, self.version = f"plugin_{Plugin.count}", monkeypatch, "1.0"
        self.folder = folder / self.name
        self.folder.mkdir()
        texts = {"mine": DETECTOR.format(n=Plugin.count), "tools": TOOLS, "inner": "def scale(x): return 2 * x\n"}
        for name, text in {"__init__": "", "other": "OTHER = 1\n", **texts}.items():
            (self.folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(registry, "entry_points", self.points)

    def points(self, group):
        point = EntryPoint("mine", f"{self.name}.mine:Mine", group)
        return [point._for(Dist(self.version))] if group == "cosalpure.detectors" else []

    def edit(self, file, old, new):
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def code(self):
        detectors = METHODS["detectors"]
        return method_code(detectors, "mine", detectors.get("mine").settings())


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    """Every fingerprint is computed: files are edited while a test runs."""
    computed = SimpleNamespace(get=lambda key, compute: compute())
    monkeypatch.setattr(fingerprint, "_known", lambda root: computed)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    return Plugin(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("mine.py", "# maps", "# maps of the group"),
        ("mine.py", '"""Predict."""', '"""Predict the maps."""'),
        ("mine.py", '    """Predict."""\n', ""),
        ("tools.py", "(x > 0.5).float()", "(\n        x > 0.5\n    ).float()"),
        ("tools.py", "def cut(x):", "def cut(x: 'Tensor') -> \"Tensor\":"),
        ("other.py", "1", "2"),
    ],
)
def test_prose_and_what_is_not_imported_keep_a_plugins_code(plugin, file, old, new):
    before = plugin.code()
    plugin.edit(file, old, new)
    assert plugin.code() == before


@pytest.mark.parametrize(
    ("file", "old", "new"), [("mine.py", "cut(images)", "cut(-images)"), ("tools.py", ">", "<"), ("inner.py", "2", "3")]
)
def test_a_plugins_code_is_that_of_all_modules_that_it_imports(plugin, file, old, new):
    before = plugin.code()
    plugin.edit(file, old, new)
    assert plugin.code() != before


def test_another_version_of_a_plugin_is_other_code(plugin):
    before = plugin.code()
    plugin.version = "1.1"
    assert plugin.code() != before
    assert plugin.code().endswith("of plugin 1.1")


def test_a_plugin_may_be_one_file_that_uses_ours(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "one_file_plugin.py"
    file.write_text("from cosalpure import networks\n\n\ndef mine(x):\n    return networks.load('gicd', x)\n")
    its = search("detect", "one_file_plugin:mine")
    assert any(key.startswith("cosalpure.networks.gicd:GICD") for key in its.texts)
    file.write_text(file.read_text().replace("(x)", "(x, y)"))
    assert search("detect", "one_file_plugin:mine").hash() != its.hash()
    assert "one_file_plugin" not in sys.modules


def test_a_plugin_may_be_a_file_that_was_loaded_by_its_path(tmp_path):
    file = tmp_path / "by_path.py"
    file.write_text("class Mine:\n    def __call__(self, images, given):\n        return images > 0.5\n")
    module = module_from_spec(spec := spec_from_file_location("by_path", file))
    spec.loader.exec_module(module)
    before = code_of("detect", module.Mine)
    file.write_text(file.read_text().replace(">", "<"))
    assert code_of("detect", module.Mine) != before != code_of("detect")


# --- the package itself -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def experiment():
    """All detectors, purifiers and some degradations of the bundled experiment and its variants."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["purifiers"] |= {"diffpure": {}, "dda": {}, "jpeg": {}}
    config["degradations"] |= {"motion_blur": {}, "white_box": {"method": "jadena", "surrogate_network": "gicd"}}
    return load(config)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    copy = tmp_path_factory.mktemp("copied") / "cosalpure"
    return shutil.copytree(ROOT / "cosalpure", copy, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def package(copied, monkeypatch):
    """A copy of the package that the fingerprint looks into; edits are undone afterwards."""
    monkeypatch.setattr(fingerprint, "ROOT", copied)
    texts = {file: file.read_bytes() for file in copied.rglob("*") if file.is_file()}
    yield copied
    for file, text in texts.items():
        if file.read_bytes() != text:
            file.write_bytes(text)


def codes(experiment):
    """The fingerprint of everything, by name."""
    found = {
        name: method_code(METHODS[family], its.method, its.settings)
        for family in METHODS
        for name, its in experiment.methods(family).items()
    }
    found |= {stage: code_of(stage) for stage in ("concept", "score", "tables", "complete", "overview", "page")}
    return found | {f"data {name}": data_code(name) for name in ("mini", "folder")} | {"train": training_code("gicd")}


MODEL = {"vae_round_trip", "cosalpure", "cosalpure_no_inversion", "cosalpure_none_concept"}
EDITS = {  # file: old, new, what depends on it
    "detect/gicd.py": (".clamp(0, 1)", ".clamp(0, 0.9)", {"gicd", "train"}),
    "networks/gicd.py": ("def forward(self, ", "def forward(self, _, ", {"gicd", "white_box", "train"}),
    "networks/resnet50.py": ("padding=dilation", "padding=2", {"gcagc", "poolnet"}),
    "networks/resneta50b.py": ("padding=1", "padding=2", {"jadena"}),
    "purify/dda.py": ("import torch\n", "import torch\n\ntorch.use_deterministic_algorithms(True)\n", {"dda"}),
    "concept/textual_inversion.py": ("torch.", "torch.x.", {"concept"}),
    "concept/templates.py": ('"a photo of a {token}"', '"a {token}"', {"concept"}),
    "concept/settings.py": ("TEMPLATES[self.templates]", "TEMPLATES['paper']", {"concept"}),
    "score/statistics.py": ("return ", "return -", {"tables", "page"}),
    "score/quality.py": ("return ", "return -", {"score"}),
    "tables/paper_tables.csv": ("0", "1", {"tables", "page"}),
    "tables/complete.py": ("return ", "return not ", {"complete", "page"}),
    "data/mini.py": ("self.", "self.x", {"data mini", "train"}),
    "data/photos.py": ("return ", "return not ", {"data folder"}),
    "report/overview.py": ("return ", "return not ", {"overview"}),
    "errors.py": ("return ", "return not ", set()),
    "registry.py": ("return ", "return not ", set()),
    "weights/downloads.py": ("return ", "return not ", set()),
    "networks/__init__.py": ('"adm":', '"other": "cosalpure.networks.other:Other",\n    "adm":', set()),
}


@pytest.mark.slow
@pytest.mark.parametrize("file", EDITS)
def test_an_edit_changes_exactly_what_depends_on_it(package, experiment, file):
    old, new, dependent = EDITS[file]
    before = codes(experiment)
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    assert {name for name, code in codes(experiment).items() if code != before[name]} == dependent


def test_the_stage_and_the_model_count_for_those_that_run_them(package, experiment):
    before = codes(experiment)
    stage = package / "purify/stage.py"
    stage.write_text(stage.read_text().replace("behind(_write,", "behind(_write, 1 and"))
    changed = {name for name, code in codes(experiment).items() if code != before[name]}
    assert changed == set(experiment.purifiers)

    before = codes(experiment)
    model = package / "diffusion/text_to_image.py"
    model.write_text(model.read_text().replace("self.resolution = ", "self.resolution = 2 * "))
    changed = {name for name, code in codes(experiment).items() if code != before[name]}
    needing = {name for name, its in experiment.purifiers.items() if its.needs_model}
    assert changed == {"concept", *needing} and needing and needing != set(experiment.purifiers)


class Rewritten(ast.NodeTransformer):
    """Every docstring is another one."""

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Expr(ast.Constant("Another text."))
        return node


@pytest.mark.slow
def test_no_comment_docstring_or_formatting_counts_anywhere(package, experiment):
    before = codes(experiment)
    for file in package.rglob("*.py"):
        tree = Rewritten().visit(ast.parse(file.read_text()))
        file.write_text(f"# A comment.\n{ast.unparse(tree)}\n")
    assert codes(experiment) == before


@pytest.mark.slow
def test_jobs_give_the_code_of_an_entry(experiment):
    jobs = Jobs(experiment)
    assert jobs.code("detect", dataset="mini", degradation="none", purifier="jpeg", detector="gicd") == method_code(
        METHODS["detectors"], "gicd", experiment.detectors["gicd"].settings
    )
    assert jobs.code("score", dataset="mini") == code_of("score") != jobs.code("tables")
    assert jobs.code("data", dataset="mini") == data_code("mini") != data_code("folder")


# --- nothing that runs is missed --------------------------------------------------------------------------------------
class Recorded:
    """Collects the calls within the package: {(caller's definition or None, called definition)}."""

    def __enter__(self):
        self.calls, package = set(), str(ROOT / "cosalpure")

        def profile(frame, event, _):
            if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # no class or module body
                name = named(frame)
                caller = frame.f_back
                while name and caller and not caller.f_code.co_filename.startswith(package):
                    caller = caller.f_back
                if name:
                    self.calls.add((caller and named(caller), name))

        def named(frame):
            if frame.f_code.co_filename.startswith(package):
                return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname.split('.')[0]}"

        sys.setprofile(profile)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)


def missed(recorded, its):
    """What was called by something that was reached, although the search neither reached it nor leaves it out."""
    assert len(recorded.calls) > 5
    reached = {".".join(key.split(":")[:2]) for key in its.texts}
    return {
        name
        for caller, name in recorded.calls
        if caller in reached and name not in reached and its._counts(name) and not re.search(r"\.settings\.|<", name)
    }


@pytest.fixture(scope="module")
def mini_data(tmp_path_factory):
    from cosalpure.data.settings import MiniDataset
    from cosalpure.data.stage import run

    folder = tmp_path_factory.mktemp("data") / "mini"
    with Recorded() as recorded:
        run("mini", MiniDataset(groups=1, images=2), folder, seed=0)
    assert not missed(recorded, search("data", without=fingerprint.OF_PHOTOS))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gicd", "gcagc", "poolnet"])
def test_all_that_a_detector_runs_is_fingerprinted(mini_data, experiment, tmp_path, name):
    from cosalpure.detect.stage import run

    its = experiment.detectors[name]
    with Recorded() as recorded:
        run(its.method, its.settings, mini_data, mini_data, tmp_path, "0:1")
    assert not missed(recorded, method_search(METHODS["detectors"], its.method, its.settings))
    assert any(name.startswith(f"cosalpure.networks.{its.method}.") for _, name in recorded.calls)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["none", "jadena", "motion_blur"])
def test_all_that_a_degradation_runs_is_fingerprinted(mini_data, experiment, tmp_path, name):
    from cosalpure.degrade.stage import run

    its = experiment.degradations[name]
    with Recorded() as recorded:
        run(its.method, its.settings, mini_data, tmp_path, "0:1", seed=0)
    assert not missed(recorded, method_search(METHODS["degradations"], its.method, its.settings))


@pytest.mark.slow
def test_all_that_concepts_and_purifiers_run_is_fingerprinted(mini_data, experiment, tmp_path):
    from cosalpure.concept.stage import run as learn
    from cosalpure.purify.stage import run as purify

    settings, model = experiment.concept.model_copy(update={"steps": 2}), experiment.text_to_image
    with Recorded() as recorded:
        learn(settings, model, mini_data, mini_data, tmp_path / "concept", "0:1", 0)
    assert not missed(recorded, search("concept"))
    for name in ("cosalpure", "vae_round_trip", "jpeg", "source_only"):
        its = experiment.purifiers[name]
        concepts = tmp_path / "concept" if its.reads_concept else None
        with Recorded() as recorded:
            purify(its.method, its.settings, model, mini_data, mini_data, concepts, tmp_path / name, "0:1", 0)
        assert not missed(recorded, method_search(METHODS["purifiers"], its.method, its.settings))
