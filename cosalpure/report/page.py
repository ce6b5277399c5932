"""One self-contained HTML page of a run: what happened, in words, tables, plots and pictures, and how it was made.

It opens from disk; its content security policy lets it fetch nothing. The sections are built as typed objects (`view`)
and printed by Jinja2 templates, which escape every text. What the page's script shows of it, it puts in as text only.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cosalpure.errors import UserError
from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.io import whole_file
from cosalpure.labels import Entries
from cosalpure.methods import FAMILIES, METHODS
from cosalpure.parquet import read_parquet
from cosalpure.provenance import mixtures
from cosalpure.report import (
    adaptive,
    citations,
    explorer,
    findings,
    gallery,
    limits,
    provenance,
    sweep,
    table_views,
    times,
)
from cosalpure.report.inline import SORT, inline
from cosalpure.report.numbers import Bootstrap, Numbers
from cosalpure.report.view import Cite, Page, Section
from cosalpure.seeds import split_repeat
from cosalpure.timing import read_jobs

if TYPE_CHECKING:
    from cosalpure.score.settings import Statistics

FOLDER = Path(__file__).parent
TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["anchor"] = lambda title: title.lower().replace(" ", "-")
TEMPLATES.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False}


def run(
    results: str,
    config: Mapping[str, Any],
    statistics: "Statistics",
    seed: int,
    benchmarks: str,
    output: str,
    entries: Entries,
    figures: Collection[str] | None = None,
) -> None:
    """Write the page of a run.

    Args:
        results: folder of the results, with its tables.
        config: the run's whole configuration, to be shown.
        statistics: settings of the bootstrap, for intervals that no table has.
        seed: the run's seed.
        benchmarks: folder of the jobs' benchmark files.
        output: the HTML file to write.
        entries: labels and roles.
        figures: names of the files of the run's figures. Default: all that are there.

    Raises:
        UserError: if there are no tables.
    """
    path = Path(Layout(str(results)).scores)
    if not path.exists():
        raise UserError(f"{path}: no such file; make the tables first (snakemake tables)")
    page = build(Layout(str(results)), read_parquet(path, KEYS), config, statistics, seed, benchmarks, entries, figures)
    with whole_file(output) as temporary:
        temporary.write_text(render(page), encoding="utf-8")


def build(
    layout: Layout,
    every: pd.DataFrame,
    config: Mapping[str, Any],
    statistics: "Statistics",
    seed: int,
    benchmarks: str,
    entries: Entries,
    figures: Collection[str] | None = None,
) -> Page:
    """Build the page of a run; `every` has all score rows. Sections that have nothing to show are left out."""
    scores = every[[split_repeat(name)[1] is None for name in every["degradation"]]]  # further seeds: in their table
    bootstrap: Bootstrap = {"seed": seed, "samples": statistics.samples, "level": statistics.level}
    numbers = Numbers(layout, scores, entries, bootstrap)
    jobs = provenance.jobs_behind(layout, every)
    methods = citations.methods_run(
        {family: scores[family.removesuffix("s")].unique() for family in FAMILIES},
        [its.record for its in jobs if its.record],
        config,
    )
    success, every_metric = explorer.build(numbers, entries, backbones(methods["detectors"]))
    pictures = gallery.build(layout, scores, entries)
    sections: list[Section | None] = [
        findings.build(layout, numbers, scores, every, jobs, entries),
        success if success.conditions else None,
        sweep.section(layout, config, entries),
        every_metric,
        table_views.build(layout, every, statistics.level),
        adaptive.build(layout, scores, entries, bootstrap),
        pictures if pictures.blocks else None,
        gallery.figures(layout, figures),
        times.build(read_jobs(benchmarks), numbers, scores, entries),
        provenance.build(jobs, config, seed),
        limits.build(),
        Cite(citations.bibtex({family: its.values() for family, its in methods.items()})),
    ]
    data = {"explorer": explorer.as_data(every_metric), "gallery": gallery.as_data(pictures)}
    return Page([section for section in sections if section], data, provenance.now(), mixtures(jobs))


def render(page: Page) -> str:
    """Print a page as HTML."""
    style, script = (inline(FOLDER / "page.css"), inline(SORT, FOLDER / "page.js"))
    return TEMPLATES.get_template("page.html.j2").render(page=page, style=style, script=script)


def backbones(methods: Mapping[str, str]) -> dict[str, str]:
    """Map the detectors that were run to their backbones, where their methods name one."""
    known = METHODS["detectors"]
    return {name: found for name, method in methods.items() if (found := known.get(method).backbone)}
