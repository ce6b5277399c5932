"""What every training here shares: a loop with log, atomic checkpoints and exact resumption; moving averages; a schedule.

Whatever is random in step n comes from a generator derived from (seed, n), so a run that was stopped and resumed is the
run that was never stopped. A run with a time budget can be resumed too, but the number of its steps depends on the
machine.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from cosalpure import networks
from cosalpure.errors import UserError, one_line
from cosalpure.io import whole_file
from cosalpure.seeds import derive
from cosalpure.train.batches import Drawn, to_device
from cosalpure.train.compute import Compute


@contextmanager
def seeded(seed: int, *names: str | int) -> Iterator[None]:
    """Seed torch's global generator inside the block (for layer initialisation); afterwards it is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, *names))
        yield


def new_or_started(name: str, arch: dict[str, Any], start: str | Path | None, seed: int) -> tuple[Any, dict[str, Any]]:
    """Build network `name` with `arch`, or with the weights and architecture of the file `start`.

    The file is one of `networks.save_weights`; `arch` is then not looked at.

    Returns:
        The network, and its architecture.
    """
    if start:
        network = networks.load(name, start).requires_grad_(True)
        return network, json.loads(networks.read_header(start)["arch"])
    with seeded(seed, name):
        return networks.build(name, **arch), arch


@contextmanager
def trained_part(folder: str | Path, model: str, *names: str) -> Iterator[Path]:
    """Give the folder that training `model` wrote; the block loads its files and folders `names`.

    Raises:
        UserError: if one of `names` is missing or cannot be read.
    """
    made = f"expected a folder that `cosalpure train {model}` wrote"
    missing = [name for name in names if not (Path(folder) / name).exists()]
    if missing:
        raise UserError(f"{folder}: no {missing[0]} in it; {made}")
    try:
        yield Path(folder)
    except Exception as error:  # the libraries' errors on damaged files share no class
        raise UserError(f"{folder}: not readable, {made}: {one_line(error, 300)}") from None


def cosine_with_warmup(step: int, steps: int, warmup: int) -> float:
    """Compute the learning rate's factor: linear from 0 to 1 over `warmup` steps, then half a cosine down to 0.

    The first step learns, too; transformers' schedule of this name gives it a rate of 0.
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def cosine_over_time(step: int, progress: float, warmup: int) -> float:
    """Compute the learning rate's factor under a time budget of which the share `progress` is used up.

    Linear from 0 to 1 over `warmup` steps, under half a cosine that reaches 0 when the time is over.
    """
    return min(1.0, (step + 1) / max(1, warmup)) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def moving_average(module: torch.nn.Module, decay: float = 0.999) -> AveragedModel:
    """Make an exponential moving average of a module's parameters and buffers, a second module (`.module`).

    The decay grows as (1 + n) / (10 + n) up to `decay`, so that early averages forget the initialisation.
    """

    def follow(averages: Any, news: Any, _: Any) -> None:  # tensors of one type: one call for all, slow apart on a GPU
        count = int(averaged.n_averaged)  # on the CPU; for the count that is handed over a GPU would have to be awaited
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, news, 1 - min(decay, (1 + count) / (10 + count)))
        else:
            torch._foreach_copy_(averages, news)

    averaged = AveragedModel(module, multi_avg_fn=follow, use_buffers=True).requires_grad_(False).eval()
    averaged.n_averaged += 1  # the start counts: at 0 the first update would overwrite it
    return averaged


@dataclass
class Spent:
    """What a training has used so far, over all its sittings."""

    steps: int = 0
    samples: int = 0
    seconds: float = 0.0  # of training steps, with their log and checkpoints

    @property
    def samples_per_second(self) -> float:
        """Compute the throughput; 0 before the first step."""
        return self.samples / self.seconds if self.seconds else 0.0


def save_checkpoint(path: str | Path, spent: Spent, parts: Mapping[str, Any]) -> None:
    """Write `parts` and what they took, in one file that appears whole or not at all.

    Args:
        path: the file.
        spent: what was spent on the parts.
        parts: {name: anything with state_dict()}.
    """
    with whole_file(path) as temporary:
        torch.save({"spent": asdict(spent), **{name: part.state_dict() for name, part in parts.items()}}, temporary)


def load_checkpoint(path: str | Path, parts: Mapping[str, Any]) -> Spent:
    """Restore `parts` from `path`; return what was spent on them, nothing if there is no such file."""
    if not Path(path).exists():
        return Spent()
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        try:
            part.load_state_dict(checkpoint[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: made with other settings ({name}); delete it to train anew") from error
    return Spent(**checkpoint["spent"]) if "spent" in checkpoint else Spent(steps=checkpoint["step"])


def write_json(path: str | Path, values: Any) -> None:
    """Write a dictionary as indented JSON."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")


def train(
    name: str,
    draw: Callable[[int, float], Any],
    learn: Callable[[Any, float], dict[str, Any]],
    parts: Mapping[str, Any],
    output_dir: str | Path,
    settings: Any,
    compute: Compute | None = None,
    after_checkpoint: Callable[[int], None] | None = None,
) -> Spent:
    """Train `parts` for `settings.steps` steps, or for `compute.minutes`, and return what it took.

    A training resumes from `checkpoint.pt`. It writes into `output_dir` log.jsonl, a line every `log_every` steps: the numbers'
    means, seconds a step, samples a second; and throughput.json at the end.

    Args:
        name: of the training, for messages.
        draw: (step, progress) -> the step's batch; only on (seed, step) and progress does it depend. May run in worker
            processes, on the CPU.
        learn: (batch on the device, progress) -> {name: number}; one update. "samples" counts what was learned from,
            `settings.batch` where it is left out.
        parts: {name: anything with state_dict()}, with "optimizer"; what a checkpoint holds.
        output_dir: folder of log and checkpoint.
        settings: has steps, learning_rate, warmup, checkpoint_every, log_every.
        compute: device, precision, workers and time; its defaults where left out.
        after_checkpoint: is called with the number of steps done.
    """
    compute, output_dir = compute or Compute(), Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    checkpoint, found = output_dir / "checkpoint.pt", []
    spent = load_checkpoint(checkpoint, parts)
    clock, logged = Clock(spent, compute.minutes, settings.steps), time.monotonic()
    exact = None if compute.minutes else lambda step: step / settings.steps
    batches = Drawn(draw, spent.steps, compute.workers, exact)
    total = None if compute.minutes else settings.steps
    bar = tqdm(desc=name, initial=spent.steps, total=total, mininterval=5)
    while clock.progress() < 1:
        progress = clock.progress()
        factor = clock.learning_rate_factor(progress, settings.warmup)
        for group in parts["optimizer"].param_groups:
            group["lr"] = settings.learning_rate * factor
        numbers = learn(to_device(batches.next(progress), compute.torch_device), progress)
        spent.samples += numbers.pop("samples", None) or settings.batch
        found.append(numbers)
        spent.steps += 1
        bar.update()
        last = clock.progress() >= 1
        if spent.steps % settings.log_every == 0 or last:
            means = {key: sum(float(numbers[key]) for numbers in found) / len(found) for key in found[0]}
            seconds = (time.monotonic() - logged) / len(found)
            line = {"step": spent.steps, **means, "learning_rate": settings.learning_rate * factor, "seconds": seconds}
            append_json(output_dir / "log.jsonl", line | {"samples_per_second": spent.samples_per_second})
            found, logged = [], time.monotonic()
        if spent.steps % settings.checkpoint_every == 0 or last:
            save_checkpoint(checkpoint, spent, parts)
            if after_checkpoint:
                after_checkpoint(spent.steps)
    bar.close()
    say_throughput(name, spent, compute, output_dir)
    return spent


class Clock:
    """How far a training is, by its steps or, with a budget of `minutes`, by the time it has taken; fills `spent`."""

    def __init__(self, spent: Spent, minutes: float | None, steps: int) -> None:
        self.spent, self.minutes, self.steps = spent, minutes, steps
        self.started = time.monotonic() - spent.seconds

    def progress(self) -> float:
        """Compute the share of the training that is done, 1 at its end."""
        if not self.minutes:
            self._note()
            return min(1.0, self.spent.steps / self.steps)
        if self.spent.seconds < 60 * self.minutes:
            self._note()
        return min(1.0, self.spent.seconds / (60 * self.minutes))

    def learning_rate_factor(self, progress: float, warmup: int) -> float:
        """Compute the factor on the learning rate, in [0, 1], by steps or by time; `warmup` counts steps."""
        if not self.minutes:
            return cosine_with_warmup(self.spent.steps, self.steps, warmup)
        return cosine_over_time(self.spent.steps, progress, warmup)

    def _note(self) -> None:
        self.spent.seconds = time.monotonic() - self.started


def append_json(path: str | Path, numbers: Mapping[str, Any]) -> None:
    """Append a line of numbers, to five digits, to a .jsonl file."""
    with Path(path).open("a") as file:
        file.write(json.dumps({key: float(f"{value:.5g}") for key, value in numbers.items()}) + "\n")


def say_throughput(name: str, spent: Spent, compute: Compute, output_dir: str | Path) -> None:
    """Print what a training took and write it to `output_dir`/throughput.json."""
    precision = "bfloat16" if compute.bfloat16 else "float32"
    values: dict[str, Any] = {"steps": spent.steps, "samples": spent.samples, "minutes": round(spent.seconds / 60, 2)}
    values |= {"samples_per_second": round(spent.samples_per_second, 2), "budget_minutes": compute.minutes}
    values |= {"device": compute.torch_device.type, "precision": precision, "workers": compute.workers}
    write_json(Path(output_dir) / "throughput.json", values)
    print(
        f"{name}: {spent.steps} steps, {spent.samples} samples in {values['minutes']} minutes, "
        f"{values['samples_per_second']} samples/s ({values['device']}, {precision}, {compute.workers} data workers)"
    )


def update(
    loss: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    modules: Sequence[torch.nn.Module],
    ema: AveragedModel | None = None,
    clip: float = 1.0,
) -> None:
    """Take one optimiser step of `modules`, then one of the moving average.

    The norm of the modules' gradients is clipped to `clip`.
    """
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_([p for module in modules for p in module.parameters()], clip)
    optimizer.step()
    if ema is not None:
        ema.update_parameters(modules[0])
