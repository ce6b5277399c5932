"""Device, precision and data workers of the trainings."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cosalpure import networks, train
from cosalpure.cli import main
from cosalpure.data.mini import MiniWorld
from cosalpure.errors import UserError
from cosalpure.networks import read_header
from cosalpure.networks.liif import LIIF
from cosalpure.train import batches, common, compute, gcagc, liif, scenes, surrogate
from cosalpure.train.compute import Compute

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def few_concepts(monkeypatch):
    everything = MiniWorld.concepts
    monkeypatch.setattr(MiniWorld, "concepts", lambda self, split: everything(self, split)[:4])


# ------------------------------------------------------------------------------------------- device and precision


@pytest.mark.parametrize(
    "flags, expected",
    [("fpu avx512f avx512_bf16", True), ("fpu avx512f amx_bf16", True), ("fpu avx2 avx512f", False), ("", False)],
)
def test_a_processor_has_bfloat16_if_its_flags_say_so(flags, expected, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nprocessor\t: 1\nflags\t\t: other\n")
    found = compute.processor_flags(tmp_path / "cpuinfo")
    assert found == set(flags.split())
    monkeypatch.setattr(compute, "processor_flags", lambda: found)
    assert compute.has_bfloat16.__wrapped__("cpu") is expected


def test_a_system_without_cpuinfo_computes_in_float32(tmp_path):
    assert compute.processor_flags(tmp_path / "nothing") == set()


def test_auto_takes_what_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Compute().torch_device.type == "cuda" and Compute(device="cpu").torch_device.type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Compute().torch_device.type == "cpu"
    for there in (True, False):
        monkeypatch.setattr(compute, "has_bfloat16", lambda device, there=there: there)
        assert Compute().bfloat16 is there
        assert Compute(precision="bfloat16").bfloat16 and not Compute(precision="float32").bfloat16


@pytest.mark.parametrize("precision, dtype", [("bfloat16", torch.bfloat16), ("float32", torch.float32)])
def test_autocast_computes_in_the_chosen_precision(precision, dtype):
    with Compute(device="cpu", precision=precision).autocast():
        assert torch.nn.Conv2d(3, 4, 1)(torch.zeros(1, 3, 2, 2)).dtype == dtype


MISTAKES = {
    "unknown device": ({"device": "gpu"}, "unknown device 'gpu'.* choose from: auto, cpu, cuda"),
    "unknown precision": ({"precision": "half"}, "unknown precision 'half'"),
    "negative workers": ({"workers": -1}, "workers: expected 0 or more"),
    "no time": ({"minutes": 0}, "minutes: expected a number above 0, found 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(mistake):
    values, expected = MISTAKES[mistake]
    with pytest.raises(UserError, match=expected) as caught:
        Compute(**values)
    assert "\n" not in str(caught.value)


def test_a_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="cuda asked for, but PyTorch finds no GPU"):
        _ = Compute(device="cuda").torch_device


@pytest.mark.slow
def test_the_graphs_of_gcagc_stay_in_float32(monkeypatch):
    its = gcagc.GCAGCSettings(width=1 / 16, blocks=1, input_size=64, saliency_images=1)
    with common.seeded(0, "graphs"):
        network = networks.build("gcagc", width=1 / 16, modules=(1, 1, 1), blocks=1, input_size=64)
    seen, real = [], network.cosalnet.correlate
    monkeypatch.setattr(network.cosalnet, "correlate", lambda maps: seen.append(result := real(maps)) or result)
    batch = (torch.rand(3, 3, 64, 64), torch.ones(3, 1, 64, 64), [2, 1])
    losses = gcagc.group_losses(network, batch, its, Compute(device="cpu", precision="bfloat16").autocast)
    assert {maps.dtype for maps in seen} == {torch.float32} == {loss.dtype for loss in losses.values()}


@pytest.mark.slow
def test_the_continuous_representation_answers_in_float32(few_concepts, tmp_path, monkeypatch):
    classifier = networks.build("resneta50b", width=1 / 16, classes=3, layers=[1, 1, 1, 1])
    arch = {"width": 1 / 16, "classes": 3, "layers": [1, 1, 1, 1]}
    networks.save_weights(tmp_path / "classifier.safetensors", classifier, arch, "resneta50b")
    its = liif.LIIFSettings(
        scenes=1, portraits=1, channels=6, blocks=1, hidden=(8, 8), steps=1, batch=2, held_out=2, attack_steps=1,
        warmup=1, checkpoint_every=1, log_every=1, classifier=str(tmp_path / "classifier.safetensors"),
    )  # fmt: skip
    seen, real = [], LIIF.decode

    def decode(self, codes, *arguments):
        answers = real(self, codes, *arguments)
        seen.append((torch.is_autocast_enabled("cpu"), codes.dtype, answers.dtype))
        return answers

    monkeypatch.setattr(LIIF, "decode", decode)
    liif.train_liif(tmp_path / "liif.safetensors", its, compute=Compute("cpu", "bfloat16"))
    assert set(seen) == {(False, torch.float32, torch.float32)}


# ---------------------------------------------------------------------------------------------------- data workers


@pytest.mark.slow
def test_workers_give_the_same_results_in_the_same_order():
    def slow_first(item):
        for _ in range(10**6 if item == 0 else 1):
            pass
        return item * item

    assert list(batches.in_order(slow_first, list(range(7)), 2)) == [item * item for item in range(7)]
    assert list(itertools.islice(batches.in_order(slow_first, batches.Endless(3), 2), 3)) == [9, 16, 25]


def test_a_pool_does_not_depend_on_the_number_of_workers():
    world = MiniWorld()
    here, elsewhere = (scenes.ScenePool(world, world.concepts("train")[:3], 2, 1, 0, workers) for workers in (0, 2))
    assert torch.equal(here.images, elsewhere.images) and torch.equal(here.masks, elsewhere.masks)
    assert here.images.shape == (3, 3, 3, 64, 64) and here.masks.shape == (3, 3, 1, 64, 64)


def test_batches_know_how_far_the_training_is():
    seen = []
    drawn = batches.Drawn(lambda step, progress: seen.append((step, progress)), 2, 0, exact=lambda step: step / 10)
    drawn.next(0.2), drawn.next(0.3)
    assert seen == [(2, 0.2), (3, 0.3)]
    drawn = batches.Drawn(lambda step, progress: seen.append((step, progress)), 0, 0)
    drawn.next(0.7)
    assert seen[-1] == (0, 0.7)


# ------------------------------------------------------------------------------------------------------- together

TINY = "{width: 0.0625, batch: 4, steps: 2, scenes: 1, portraits: 1, checkpoint_every: 2, log_every: 1}"


@pytest.mark.slow
def test_options_reach_the_training(few_concepts, tmp_path):
    command = ["train", "surrogate", "--output", str(tmp_path / "a.safetensors"), "--settings", TINY]
    assert main([*command, "--device", "cpu", "--precision", "float32", "--workers", "2", "--minutes", "0.02"]) == 0
    values = json.loads((tmp_path / "a/throughput.json").read_text())
    assert (values["precision"], values["workers"], values["budget_minutes"]) == ("float32", 2, 0.02)
    assert read_header(tmp_path / "a.safetensors")["network"] == "resneta50b"


@pytest.mark.slow
def test_workers_do_not_change_a_training(few_concepts, tmp_path):
    its = surrogate.SurrogateSettings(
        steps=3, batch=4, width=1 / 16, scenes=2, portraits=1, checkpoint_every=2, log_every=1
    )
    for workers in (0, 2):
        where = tmp_path / f"{workers}.safetensors"
        surrogate.train_surrogate(where, its, compute=Compute("cpu", "float32", workers))
    assert (tmp_path / "0.safetensors").read_bytes() == (tmp_path / "2.safetensors").read_bytes()


@pytest.mark.slow
def test_a_detector_trains_on_from_given_weights(few_concepts, tmp_path):
    its = gcagc.GCAGCSettings(
        width=1 / 16, blocks=1, input_size=64, group_sizes=(2, 3), saliency_images=1, scenes=4, portraits=1, dev_group=1,
        rounds=(1,), checkpoint_every=1, log_every=1,
    )  # fmt: skip
    gcagc.train_gcagc(tmp_path / "first.safetensors", its)
    started = gcagc.GCAGCSettings(**vars(its) | {"start": str(tmp_path / "first.safetensors"), "width": 1.0})
    network, arch = common.new_or_started("gcagc", {"width": 1.0}, started.start, 0)
    assert arch["width"] == 1 / 16 and all(parameter.requires_grad for parameter in network.parameters())
    gcagc.train_gcagc(tmp_path / "second.safetensors", started)
    assert json.loads(read_header(tmp_path / "second.safetensors")["arch"])["width"] == 1 / 16
    assert (tmp_path / "first.safetensors").read_bytes() != (tmp_path / "second.safetensors").read_bytes()


def test_no_noise_is_added_by_augmentation():
    flat = torch.full((32, 3, 16, 16), 0.5)
    images, _ = scenes.augment(flat, torch.ones(32, 1, 16, 16), torch.Generator().manual_seed(0))
    assert images.std((2, 3)).max() < 1e-6


def test_settings_of_a_computation_load_no_torch():
    code = "import sys, cosalpure.train.compute as c; c.Compute(minutes=3); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_budget_for_all_models_is_divided():
    shares = [float(train.options(model, {"minutes": "60"}).removeprefix("--minutes ")) for model in train.MODELS]
    assert sum(shares) == pytest.approx(60, abs=0.05) and min(shares) > 1
    assert train.options("gicd", {"device": "cuda", "workers": "4"}) == "--device cuda --workers 4"
    assert train.options("gicd", {}) == ""


@pytest.mark.parametrize(
    "values, expected",
    [
        ({"devices": "cpu"}, "--config training: unknown key 'devices'"),
        ({"minutes": "long"}, "--config training: minutes: expected a number, found 'long'"),
        ("cpu", "--config training: expected {key: value}, found 'cpu'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
    ],
)
def test_mistakes_in_the_workflows_options_are_named(values, expected):
    with pytest.raises(UserError) as caught:
        train.options("gicd", values)
    assert str(caught.value).startswith(expected)


@pytest.mark.slow
def test_one_command_trains_all_models_in_order():
    command = [sys.executable, "-m", "snakemake", "models", "--config", "training={minutes: 60, device: cpu}"]
    done = subprocess.run([*command, "-n", "-p", "--nolock"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stdout.splitlines() if "cosalpure train" in line]
    for model in train.MODELS:
        (line,) = (line for line in commands if f"cosalpure train {model} " in line)
        assert train.options(model, {"minutes": 60, "device": "cpu"}) in " ".join(line.split())
    (liif,) = (line for line in commands if "train liif" in line)
    assert "classifier: results/models/resneta50b.safetensors" in liif
