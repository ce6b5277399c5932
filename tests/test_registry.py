"""A method of one's own comes from another package, by an entry point, and is a method like any other."""

from importlib.metadata import EntryPoint

import pytest
import torch

from cosalpure import detect, registry
from cosalpure.errors import UserError
from cosalpure.experiment.parse import load
from cosalpure.protocols import Given
from cosalpure.schema import Model


class Mine:
    """The example of docs/how-to/adding-a-method.md."""

    class Settings(Model):
        threshold: float = 0.5

    def __init__(self, settings):
        self.threshold = settings.threshold

    def __call__(self, images, given):
        return (images.mean(1, keepdim=True) > self.threshold).float()


@pytest.fixture
def plugin(monkeypatch):
    def entry_points(group):
        points = [EntryPoint("mine", f"{__name__}:Mine", group), EntryPoint("broken", "no_such_package:X", group)]
        return points if group == "cosalpure.detectors" else []

    monkeypatch.setattr(registry, "entry_points", entry_points)


CONFIG = {
    "experiment": "own",
    "datasets": {"mini": {}},
    "degradations": {"none": {}},
    "purifiers": {"source_only": {}},
    "detectors": {"strict": {"method": "mine", "threshold": 0.9}},
    "conditions": [{"degradations": ["none"], "purifiers": ["source_only"]}],
}


def test_plugin_is_configured_and_runs(plugin):
    loaded = load(CONFIG)
    values = loaded.detectors["strict"].settings
    detector = detect.DETECTORS.make(loaded.detectors["strict"].method, values)
    assert detector(torch.full((2, 3, 4, 4), 0.95), Given()).shape == (2, 1, 4, 4)
    assert detector.threshold == 0.9


def test_plugins_settings_are_checked_like_ours(plugin):
    config = CONFIG | {"detectors": {"mine": {"treshold": 0.9}}}
    with pytest.raises(UserError, match=r"detectors\.mine\.treshold: unknown key \(did you mean 'threshold'\?\)"):
        load(config)


def test_plugin_that_does_not_import_is_named(plugin):
    with pytest.raises(UserError, match="detector 'broken' .no_such_package:X. cannot be imported"):
        load(CONFIG | {"detectors": {"broken": {}}})
