"""Where the time of the heavy stages goes: the share of each kind of operator, on one group of mini.

    python benchmarks/operators.py
    python benchmarks/operators.py --output docs/results/data/operators.csv

Stages run on one thread, loaded and warm. Convolutions and matrix products are calls of oneDNN or MKL: what another code for the
same passes could save lies in the other columns.
"""

import argparse
from pathlib import Path

from side_by_side import write_rows

STAGES = {  # printed name: an entry of mini; concept learning has none
    "concept learning": None,
    "CosalPure, 128 px": "cosalpure",
    "DiffPure, 64 px": "diffpure",
    "DDA, 64 px": "dda",
}
KINDS = {  # printed name: how the names of its operators begin
    "convolution": (
        "aten::mkldnn_convolution",
        "aten::convolution_backward",
        "aten::_slow_conv2d",
        "aten::thnn_conv2d",
    ),
    "matrix product": ("aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm", "aten::mkldnn_linear", "mkldnn::"),
    "softmax": ("aten::_softmax",),
    "normalisation": ("aten::native_group_norm", "aten::native_layer_norm"),
    "activation": ("aten::silu", "aten::gelu", "aten::sigmoid", "aten::quick_gelu"),
}
REST, OUTSIDE = "other operators", "outside of operators"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10, help="of concept learning (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="CSV that is written")
    options = parser.parse_args()
    rows = [shares(name, options.steps) for name in STAGES]
    for row in rows:
        print(", ".join(f"{column} {value}" for column, value in row.items()))
    if options.output:
        write_rows(options.output, rows)


def shares(name, steps):
    """The row of one stage: the share of its time that each kind of operator takes, in percent."""
    import time

    import torch
    from torch.profiler import ProfilerActivity, profile

    torch.set_num_threads(1)
    run = stage(STAGES[name], steps)
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        started = time.perf_counter()
        run()
        total = time.perf_counter() - started
    times = dict.fromkeys([*KINDS, REST], 0.0)
    for event in found.key_averages():
        kind = next((kind for kind, starts in KINDS.items() if event.key.startswith(starts)), REST)
        times[kind] += event.self_cpu_time_total / 1e6
    times[OUTSIDE] = max(total - sum(times.values()), 0.0)
    return {"stage": name} | {f"{kind}, %": f"{100 * seconds / total:.0f}" for kind, seconds in times.items()}


def stage(entry, steps):
    """A function that runs a stage once: an entry of mini's purifiers, or concept learning."""
    import cosalpure as cp
    from cosalpure.memory import keep_freed
    from cosalpure.tags import experiment_of

    keep_freed()
    mini = experiment_of("mini")
    group = cp.load_group("mini", 0)
    model = mini.text_to_image  # loaded once, and kept
    settings = mini.concept.model_dump() | {"steps": steps}
    if entry is None:
        return lambda: cp.learn_concept(group, model, **settings)
    purifier = cp.create_purifier(f"{entry}.mini", model)
    needs_concept = "concept" in mini.purifiers[entry].needs
    concept = cp.learn_concept(group, model, **settings | {"steps": 1}) if needs_concept else None
    return lambda: purifier(group, concept)


if __name__ == "__main__":
    main()
