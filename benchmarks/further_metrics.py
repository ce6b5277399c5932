"""The field's further metrics (F, E, S, weighted F): `cosalpure.score` against the package that it calls.

    python benchmarks/further_metrics.py --peer ../PySODMetrics          a checkout in turn with the installed package

Ours calls the installed pysodmetrics; the reference calls it without ours around it.
"""

from metrics import make_maps
from side_by_side import Clock, main, peak_megabytes, warm_up


def measure(variant, options):
    """One process: {number: value}, and the scores (maps, 8)."""
    import torch

    from cosalpure.score import further

    if variant == "original":
        from originals import load

        package = load(options.peer, "py_sod_metrics")
    else:
        package = further.pysodmetrics()
    score = further.further_scores if variant == "ours" else lambda *maps: plainly(package, *maps)
    maps = [make_maps(index, options.side, 1) for index in range(options.images)]
    warm_up(lambda: score(maps[0][1][0], maps[0][0]))
    clock = Clock()
    with clock("score"):
        rows = [list(score(its[0], truth).values()) for truth, its in maps]
    return clock.numbers(len(rows)) | {"peak_mb": peak_megabytes()}, torch.tensor(rows, dtype=torch.float64)


def plainly(package, prediction, truth):
    """The package's scores of one map, as its examples ask for them, named as ours."""
    handler = package.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)
    measures = f, e, s, weighted = (
        package.FmeasureV2({"f": handler}),
        package.Emeasure(),
        package.Smeasure(),
        package.WeightedFmeasure(),
    )
    for its in measures:
        its.step(pred=prediction, gt=truth)
    of_f, of_e = f.get_results()["f"], e.get_results()["em"]
    found = {}
    for name, its in (("f", {"curve": of_f["dynamic"], "adp": of_f["adaptive"]}), ("e", of_e)):
        found |= {
            f"{name}_max": its["curve"].max(),
            f"{name}_mean": its["curve"].mean(),
            f"{name}_adaptive": its["adp"],
        }
    return found | {"s": s.get_results()["sm"], "w": weighted.get_results()["wfm"]}


def arguments(parser):
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--side", type=int, default=224, help="px (%(default)s)")


if __name__ == "__main__":
    kept = {"unit": "values", "measures": {"score_cpu_s": "a map"}, "peers": ["lartpang/PySODMetrics"]}
    main(__doc__, __file__, "F, E, S and weighted F", measure, arguments, 1e-6, **kept)
