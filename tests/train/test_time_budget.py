"""Time budgets of the trainings, by a clock that a test moves."""

import itertools
import json
from types import SimpleNamespace

import pytest
import torch

from cosalpure.train import common
from cosalpure.train.compute import Compute

SETTINGS = SimpleNamespace(steps=6, batch=4, learning_rate=0.1, warmup=2, checkpoint_every=2, log_every=1)


class Time:
    """A clock that moves when a test says so."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Time()
    monkeypatch.setattr(common, "time", clock)
    return clock


class Training:
    """One weight that learns to be 3; each step takes `seconds` of the test's clock. Ctrl-C in step `stop_at`."""

    def __init__(self, clock, seconds=1.0):
        self.clock, self.seconds, self.stop_at = clock, seconds, None
        self.weight = torch.nn.Linear(1, 1)
        self.parts = {"weight": self.weight, "optimizer": torch.optim.SGD(self.weight.parameters(), lr=0.0)}
        self.steps, self.rates = [], []

    def draw(self, step, progress):
        return torch.tensor([[float(step)]])

    def learn(self, batch, progress):
        if batch.item() == self.stop_at:
            raise KeyboardInterrupt
        self.clock.now += self.seconds
        self.steps.append(int(batch.item()))
        self.rates.append(self.parts["optimizer"].param_groups[0]["lr"])
        return {"loss": (self.weight.weight - 3).square().sum().detach()}

    def run(self, folder, minutes=None, **settings):
        compute = Compute(device="cpu", precision="float32", minutes=minutes)
        its = SimpleNamespace(**vars(SETTINGS) | settings)
        return common.train("test", self.draw, self.learn, self.parts, folder, its, compute)


def test_without_a_budget_the_steps_count(clock, tmp_path):
    training = Training(clock, seconds=100.0)
    spent = training.run(tmp_path)
    assert training.steps == list(range(6)) and spent.samples == 24 and spent.seconds == 600
    expected = [0.1 * common.cosine_with_warmup(step, 6, 2) for step in range(6)]
    assert training.rates == pytest.approx(expected)


def test_a_budget_takes_the_place_of_the_steps(clock, tmp_path):
    training = Training(clock, seconds=1.5)
    spent = training.run(tmp_path, minutes=1, steps=3)
    assert len(training.steps) == 40 == spent.steps  # 60 s of 1.5 s steps
    assert training.rates[0] == pytest.approx(0.05) and max(training.rates) > 0.098  # two steps of warm-up
    assert all(a > b for a, b in itertools.pairwise(training.rates[2:])) and training.rates[-1] < 0.0005


def test_the_schedule_bends_to_a_slower_machine(clock, tmp_path):
    training = Training(clock, seconds=1.0)
    real = training.learn

    def slower(batch, progress):
        training.seconds = 1.0 if clock.now < 30 else 10.0
        return real(batch, progress)

    training.learn = slower
    training.run(tmp_path, minutes=1)
    assert training.steps == list(range(33)) and training.rates[-1] < 0.01  # three steps of ten seconds remain


def test_a_budgeted_training_resumes_with_what_is_left(clock, tmp_path):
    training = Training(clock)
    training.stop_at = 20
    with pytest.raises(KeyboardInterrupt):
        training.run(tmp_path, minutes=1)
    clock.now += 1000  # the pause does not count
    again = Training(clock)
    spent = again.run(tmp_path, minutes=1)
    assert again.steps == list(range(20, 60)) and spent.seconds == 60 and spent.samples == 240
    assert again.rates[0] == pytest.approx(0.1 * common.cosine_over_time(20, 20 / 60, 2))
    done = Training(clock)
    assert done.run(tmp_path, minutes=1).steps == 60 and done.steps == []


def test_more_time_trains_on(clock, tmp_path):
    Training(clock).run(tmp_path, minutes=1)
    again = Training(clock)
    again.run(tmp_path, minutes=1.5)
    assert again.steps == list(range(60, 90))


def test_checkpoints_of_earlier_versions_are_resumed(clock, tmp_path):
    training = Training(clock)
    states = {name: part.state_dict() for name, part in training.parts.items()}
    torch.save({"step": 4, **states}, tmp_path / "checkpoint.pt")
    training.run(tmp_path)
    assert training.steps == [4, 5]


def test_a_phase_has_its_share_of_the_time():
    assert Compute(minutes=10).share(0.4).minutes == pytest.approx(4) and Compute().share(0.4).minutes is None


def test_throughput_is_logged(clock, tmp_path, capsys):
    Training(clock, seconds=0.5).run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["samples_per_second"] for line in lines] == [8.0] * 6 and lines[0]["seconds"] == 0.5
    values = json.loads((tmp_path / "throughput.json").read_text())
    assert values["samples_per_second"] == 8.0 and values["samples"] == 24 and values["device"] == "cpu"
    said = capsys.readouterr().out
    assert all(part in said for part in ("test: ", "6 steps", "24 samples", "0.05 minutes", "8.0 samples/s", "float32"))
