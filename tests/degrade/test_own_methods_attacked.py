"""A user's own detector and purifier take part in adaptive attacks: an experiment names their files, the stage attacks them."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from cosalpure.data import read_groups
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import stage
from cosalpure.errors import UserError
from cosalpure.experiment.parse import load
from cosalpure.io import read_images

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]
BLUR = f"{ROOT}/docs/examples/noisy_blur.py:NoisyBlur"  # declared as differentiable
JPEG = f"{ROOT}/docs/examples/noisy_jpeg.py:NoisyJpeg"  # not


def experiment(purifier, gradient, detector="Orange"):
    """The mini experiment on one small group, with a purifier and a detector of one's own and an attack on both."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text())
    values["datasets"]["mini"] |= {"groups": 1, "images": 4, "size": 32}
    values["detectors"] = {"my_detector": {"method": f"{HERE}/own_methods.py:{detector}"}}
    values["purifiers"] |= {"my_purifier": {"method": purifier}}
    values["degradations"]["attack"] = {"method": "pgd", "gradient": gradient, "steps": 2}
    return load(values | {"conditions": [{"degradations": ["attack"], "purifiers": ["my_purifier"]}]})


def attack(found, folder):
    """Run the stage with the attack as the workflow does; the attacked images' places that changed, and the group's steps."""
    data, (condition,) = found.datasets["mini"].settings, found.conditions
    entry = found.degradations[condition[1]]
    make_dataset("mini", data, folder / "data", 0)
    stage.run(entry.method, entry.settings, folder / "data", folder / "out", "0:1", 0)
    (group,) = read_groups(folder / "data")
    before, after = (read_images(group.paths(folder / name / "images")) for name in ("data", "out"))
    changed = (before != after).flatten(1).any(1).tolist()
    return changed == list(group.attacked), pd.read_csv(folder / "out/attack" / f"{group.slug}.csv")


@pytest.mark.parametrize(("purifier", "gradient"), [(BLUR, "full"), (JPEG, "bpda"), (JPEG, "blind")], ids=str)
def test_a_differentiable_purifier_takes_part_in_full_and_any_other_in_bpda_and_blind(purifier, gradient, tmp_path):
    attacked, steps = attack(experiment(purifier, gradient), tmp_path)
    assert attacked and len(steps) == 2 and (steps.gradient > 0).all()


@pytest.mark.parametrize(
    ("purifier", "gradient", "detector", "line"),
    [
        (
            JPEG,
            "full",
            "Orange",
            r"gradient: 'full' needs a differentiable purifier.*NoisyJpeg' is not.*take bpda or blind",
        ),
        (BLUR, "full", "Undeclared", r"detector: '.*Undeclared' is not declared as differentiable"),
        (BLUR, "blind", "Undeclared", r"detector: '.*Undeclared' is not declared as differentiable"),
    ],
    ids=["purifier", "detector", "detector alone"],
)
def test_what_cannot_be_attacked_is_said_in_one_line_before_anything_runs(purifier, gradient, detector, line):
    with pytest.raises(UserError, match=rf"degradations\.attack\..*{line}") as caught:
        experiment(purifier, gradient, detector)
    assert "\n" not in str(caught.value)


def test_a_method_that_breaks_its_word_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="no gradient reaches the images.*no_grad or detach") as caught:
        attack(experiment(BLUR, "full", "Detached"), tmp_path)
    assert "\n" not in str(caught.value)
