"""Draw what the attack costs every detector: python docs/images/detectors.py [RESULTS]

RESULTS are those of config/variants/detectors.yaml. The picture is the report's plot "Every detector, without purification".
"""

import sys
from pathlib import Path

import pandas as pd

from cosalpure.experiment.layout import Layout
from cosalpure.experiment.parse import load_files
from cosalpure.report import explorer, page
from cosalpure.report.numbers import Numbers

FILES = ("config.yaml", "config/variants/detectors.yaml")


def draw(results: str, output: Path) -> None:
    """Write the picture to the PNG file `output`."""
    experiment, layout = load_files(list(FILES)), Layout(results)
    scores = pd.read_parquet(layout.scores)
    statistics = experiment.statistics
    bootstrap = {"seed": experiment.seed, "samples": statistics.samples, "level": statistics.level}
    numbers = Numbers(layout, scores, experiment.entries, bootstrap)  # type: ignore[arg-type]
    (dataset, degradation), *_ = numbers.degraded()
    cells = numbers.cells(dataset, degradation)
    backbones = page.backbones({name: its.method for name, its in experiment.detectors.items()})
    explorer.draw_cost(cells, degradation, experiment.entries, backbones).savefig(output, dpi=150)


if __name__ == "__main__":
    draw(*(sys.argv[1:] or ["results"]), Path(__file__).with_name("detectors.png"))
