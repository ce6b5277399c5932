"""What every training here shares: a loop with log, atomic checkpoints and exact resumption; EMA; a schedule.

A training is a function of the step's number: whatever is random in step n comes from a generator derived from
(seed, n), so a run that was stopped and resumed is the run that was never stopped.
"""

import copy
import json
import math
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

from cosalpure.errors import UserError
from cosalpure.io import whole_file
from cosalpure.seeds import derive


@contextmanager
def seeded(seed, *names):
    """Inside the block torch's global generator is seeded (for layer initialisation); afterwards it is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, *names))
        yield


def cosine_with_warmup(step, steps, warmup):
    """The learning rate's factor at `step`: linear from 0 to 1 over `warmup` steps, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class EMA:
    """An exponential moving average of a module's parameters, kept as a second module (`.module`).

    The decay grows as (1 + n) / (10 + n) up to `decay`, so that early averages forget the initialisation.
    """

    def __init__(self, module, decay=0.999):
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, module):
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, new in zip(self.module.state_dict().values(), module.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(new, 1 - decay)
            else:
                average.copy_(new)

    def state_dict(self):
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state):
        self.module.load_state_dict(state["module"])
        self.updates = state["updates"]


def save_checkpoint(path, step, parts):
    """`parts` ({name: anything with state_dict()}) after `step` steps, in one file that appears whole or not at all."""
    with whole_file(path) as temporary:
        torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, temporary)


def load_checkpoint(path, parts):
    """Restores `parts` from `path`; the number of steps done, 0 if there is no such file."""
    if not Path(path).exists():
        return 0
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        try:
            part.load_state_dict(checkpoint[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: made with other settings ({name}); delete it to train anew") from error
    return checkpoint["step"]


def write_json(path, values):
    """A dictionary as indented JSON."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")


def train(name, step_function, parts, output_dir, settings, after_checkpoint=None):
    """Calls `step_function(step) -> {name: number}` up to `settings.steps` times, resuming from `checkpoint.pt`.

    `settings` has steps, learning_rate, warmup, checkpoint_every; `parts` has at least "optimizer".
    Writes `log.jsonl` (a line every `log_every` steps: means of the numbers, seconds a step).
    """
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    checkpoint, sums, started = output_dir / "checkpoint.pt", [], time.monotonic()
    first = load_checkpoint(checkpoint, parts)
    for step in tqdm(range(first, settings.steps), desc=name, initial=first, total=settings.steps, mininterval=5):
        factor = cosine_with_warmup(step, settings.steps, settings.warmup)
        for group in parts["optimizer"].param_groups:
            group["lr"] = settings.learning_rate * factor
        sums.append(step_function(step))
        done = step + 1
        if done % settings.log_every == 0 or done == settings.steps:
            means = {key: sum(numbers[key] for numbers in sums) / len(sums) for key in sums[0]}
            seconds = (time.monotonic() - started) / len(sums)
            line = {"step": done, **means, "learning_rate": settings.learning_rate * factor, "seconds": seconds}
            with (output_dir / "log.jsonl").open("a") as file:
                file.write(json.dumps({key: float(f"{value:.5g}") for key, value in line.items()}) + "\n")
            sums, started = [], time.monotonic()
        if done % settings.checkpoint_every == 0 or done == settings.steps:
            save_checkpoint(checkpoint, done, parts)
            if after_checkpoint:
                after_checkpoint(done)


def update(loss, optimizer, modules, ema=None, clip=1.0):
    """One optimiser step of `modules` (their gradients' norm clipped to `clip`), then of the moving average."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for module in modules for p in module.parameters()], clip)
    optimizer.step()
    if ema is not None:
        ema.update(modules[0])
