"""One self-contained HTML page of a run: what happened, in words, tables, plots and pictures, and how it was made.

It opens from disk; its content security policy lets it fetch nothing. Names from outside are escaped, and put into the
page by its script as text only.
"""

import json
import math
from html import escape
from pathlib import Path

import pandas as pd

from cosalpure.data.published import PUBLISHED
from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout
from cosalpure.io import whole_file
from cosalpure.report import citations, gallery, plots, provenance
from cosalpure.report.sweep import PANELS
from cosalpure.score import METRICS
from cosalpure.seeds import split_repeat
from cosalpure.tables import NAMES, difference_pairs
from cosalpure.tables.build import SPLITS, build_cells, build_differences, conditions_in, score_column
from cosalpure.tables.complete import count
from cosalpure.tables.write import best_cells, caption, cell_text, lay_out
from cosalpure.timing import ON_GPU, read_benchmark, read_jobs, seconds_a_group

SHOWN = ("sr", "ap", "f_beta", "mae")  # metrics of the explorer
FIGURES_BUDGET = 4_000_000  # characters of base64
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
LIMITS = """The score of a miniature says nothing about photographs; compare within a run. Intervals are percentile
bootstraps over groups: of fewer than some thirty groups they run a little narrow, and groups that share a concept are
not quite independent. Differences among purifiers are paired by image and not corrected for their number. The spread between
seeds is in no interval; the table of seeds shows it where further_seeds were run. Times are those of this machine and its load. What the project
cannot do yet is listed in docs/limitations.md."""


def run(results, config, statistics, seed, benchmarks, output, entries):
    """Write the page of `results` (with tables made) to `output`. `config`: the run's whole configuration, a dict."""
    path = Path(Layout(str(results)).scores)
    if not path.exists():
        raise UserError(f"{path}: no such file; make the tables first (snakemake tables)")
    scores = pd.read_parquet(path)
    bootstrap = {"seed": seed, "samples": statistics.samples, "level": statistics.level}
    alerts = gaps(scores)
    scores = scores[[split_repeat(name)[1] is None for name in scores["degradation"]]]  # further seeds: in their table
    blocks = explorer(scores, entries, bootstrap)
    pictures, notes = gallery.build(results, scores, entries)
    times = stage_times(Path(benchmarks))
    metrics = {name: about(name) for name in SHOWN}
    data = {"explorer": {"blocks": blocks, "metrics": metrics}, "gallery": pictures}
    sections = [
        ("What came out", findings(scores, entries, bootstrap) + alerts),
        ("Success by method", success_plots(blocks)),
        ("Success against a setting", sweeps(results, config, entries)),
        ("Every metric", explorer_section(metrics)),
        ("Tables", tables(results, statistics.level)),
        ("Gallery", gallery_section(pictures, notes)),
        ("Figures", figures(results)),
        ("Time and memory", time_section(times, scores, blocks, entries) + projection(benchmarks, entries)),
        ("How it was made", manifest(config, seed)),
        ("Limits", f"<p>{escape(LIMITS)}</p>"),
        ("Cite", f"<pre>{escape(cited(config, scores))}</pre>"),
    ]
    with whole_file(output) as temporary:
        temporary.write_text(document([section for section in sections if section[1]], data), encoding="utf-8")


def document(sections, data):
    """The page's HTML."""
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    anchors = [title.lower().replace(" ", "-") for title, _ in sections]
    links = "".join(f'<a href="#{a}">{title}</a>' for a, (title, _) in zip(anchors, sections, strict=True))
    body = "".join(
        f'<section aria-labelledby="{a}"><h2 id="{a}">{title}</h2>{content}</section>'
        for a, (title, content) in zip(anchors, sections, strict=True)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>CosalPure report</title>'
        f"<style>{style}</style></head><body><header><h1>CosalPure report</h1>"
        '<p class="soft">How robust co-salient object detection is, and what purification gives back.</p>'
        f"<nav>{links}</nav></header><main>{body}</main>"
        f'<script type="application/json" id="page-data">{as_script(data)}</script><script>{script}</script></body></html>\n'
    )


def as_script(data):
    """JSON that nothing inside can end: `<` is written as an escape."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def degraded(scores, entries):
    """[(dataset, degradation), ...] that were run, but for the clean reference."""
    pairs = scores.groupby(["dataset", "degradation"], sort=False).groups
    return [pair for pair in pairs if entries.role("degradations", pair[1]) != "reference"]


def findings(scores, entries, bootstrap):
    """Sentences on what the degradation costs and what each purifier gives back on its half, from paired differences."""
    parts = []
    for dataset, degradation in degraded(scores, entries):
        here = scores[scores["dataset"] == dataset]
        conditions = conditions_in(here)
        pairs = [
            pair
            for pair in difference_pairs(conditions, degradation, entries)
            if entries.role("purifiers", pair[1][1]) == "reference"
        ]
        found = build_differences(here, degradation, splits=("adv",), pairs=pairs, entries=entries, **bootstrap)
        printed = entries.labels("purifiers", list(found["purifier"].unique()))
        lines = [line for cell in found.itertuples() if (line := sentence(cell, printed[cell.purifier]))]
        if lines:
            title = f"{escape(dataset)}, {escape(entries.label('degradations', degradation))}: success rate on the attacked half"
            parts.append(f"<h3>{title}</h3><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>")
    return "".join(parts) or "<p>Nothing was degraded: there is nothing to compare.</p>"


def sentence(cell, purifier):
    """A difference of the purifier so printed in words, with its interval and whether that excludes 0; empty where nothing was measured."""
    if math.isnan(cell.value):
        return ""
    interval = "" if math.isnan(cell.low) else f" [{cell.low:+.2f}, {cell.high:+.2f}]"
    clear = not math.isnan(cell.low) and (cell.low > 0 or cell.high < 0)
    verdict = "beyond chance" if clear else "within noise"
    who, detector = escape(purifier), escape(cell.detector_label)
    if cell.minus_degradation != cell.degradation:
        return f"<strong>{detector}</strong>: the degradation changes it by {cell.value:+.3f}{interval}, {verdict}."
    return f"{detector}: {who} changes it by {cell.value:+.3f}{interval} against no purification, {verdict}."


def gaps(scores):
    """A list of the conditions that lack scores, empty if none does."""
    lines = [f"<li>{escape(line)}</li>" for line, whole in count(scores) if not whole]
    return f'<div class="alert"><p>Not every image has a score:</p><ul>{"".join(lines)}</ul></div>' if lines else ""


def explorer(scores, entries, bootstrap):
    """For each dataset and degradation the cells of every method, detector, metric and split, as the script reads them."""
    blocks = []
    for dataset, degradation in degraded(scores, entries):
        options = {"datasets": [dataset], "entries": entries, **bootstrap}
        table = build_cells(scores, "report", degradation, SHOWN, SPLITS, **options)
        cells = []
        for cell in table.itertuples(index=False):
            entry = {"method": cell.label, "detector": cell.detector_label, "metric": cell.metric}
            entry |= {"split": cell.split, "text": cell_text(cell)}
            entry |= {"degradation": cell.degradation, "purifier": cell.purifier}
            entry |= {key: finite(getattr(cell, key)) for key in ("value", "low", "high")}
            cells.append(entry)
        blocks.append({"name": f"{dataset}, {entries.label('degradations', degradation)}", "cells": cells})
    return blocks


def finite(number):
    return None if math.isnan(number) else round(float(number), 5)


def about(metric):
    """A metric in a line: its title, formula, direction and source."""
    its = METRICS[score_column(metric)]
    better = "larger" if its.larger_is_better else "smaller"
    return f"{its.title}: {its.formula}; {better} is better. {its.source}."


def explorer_section(metrics):
    titles = {name: METRICS[score_column(name)].title for name in metrics}
    splits = {"avg": "whole groups", "adv": "attacked half", "clean": "clean half"}
    return (
        '<form id="explorer" class="controls"><label>condition <select id="explorer-block"></select></label>'
        f"{radios('split', splits, 'adv')}{radios('metric', titles, 'sr')}</form>"
        '<p class="soft" id="explorer-about"></p><div class="wide" id="explorer-table"></div>'
        '<p class="soft">Headers sort. Brackets: intervals by bootstrap over groups.</p>'
    )


def radios(name, choices, first):
    """A group of radio buttons; `choices` maps values to texts."""
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{" checked" if value == first else ""}> '
        f"{escape(text)}</label>"
        for value, text in choices.items()
    )
    return f"<fieldset><legend>{name}</legend>{buttons}</fieldset>"


def success_plots(blocks):
    """A plot of each condition and detector."""
    parts = []
    for block in blocks:
        for detector in dict.fromkeys(cell["detector"] for cell in block["cells"]):
            rows = {}
            for cell in block["cells"]:
                if cell["detector"] == detector and cell["metric"] == "sr" and cell["split"] != "avg":
                    numbers = [math.nan if cell[key] is None else cell[key] for key in ("value", "low", "high")]
                    rows.setdefault(cell["method"], {})[cell["split"]] = numbers
            parts.append(f"<h3>{escape(block['name'])}, {escape(detector)}</h3>")
            parts.append(plots.success_by_method(list(rows.items())))
    return "".join(parts)


def sweeps(results, config, entries):
    """Plots of the sweeps that were drawn, and their numbers; nothing is purified there."""
    parts = []
    for path in sorted(Path(Layout(str(results)).figures).glob("sweep_*.csv")):
        name = path.stem.removeprefix("sweep_")
        sweep = config.get("sweeps", {}).get(name) or {}
        axis, numbers = sweep.get("label") or sweep.get("setting") or name, pd.read_csv(path)
        for split, title in PANELS.items():
            here = numbers[(numbers["split"] == split) & (numbers["images"] > 0)]
            series = [
                (
                    entries.label("detectors", detector),
                    list(rows[["x", "sr", "low", "high", "sr_clean"]].itertuples(index=False, name=None)),
                )
                for detector, rows in here.groupby("detector", sort=False)
            ]
            if series:
                title = f"Success rate against {axis}: {title}"
                parts.append(f"<h3>{escape(title)}</h3>{plots.success_by_setting(series, axis, title)}")
        rows = [
            [
                td(row.split),
                td(entries.label("detectors", row.detector)),
                *map(number, (row.x, row.sr, row.low, row.high)),
            ]
            for row in numbers[numbers["images"] > 0].itertuples()
        ]
        table = html_table(rows, ("half", "detector", axis, "success rate", "low", "high"))
        parts.append(f"<details><summary>Numbers: {escape(axis)}</summary>{table}</details>")
    note = '<p class="soft">Nothing purified. Dashed: the same images without any attack. Bars: intervals.</p>'
    return note + "".join(parts) if parts else ""


def tables(results, level):
    """The tables of the run, laid out as in the paper; sortable."""
    parts = []
    for name in NAMES:
        path = Path(Layout(str(results)).table(name))
        if path.exists():
            parts.append(table_html(pd.read_parquet(path), level))
    return "".join(parts)


def table_html(table, level):
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    header = ["Dataset", "Method", *(" ".join(column) for column in columns)]
    lines = []
    for row in rows:
        values = [cell_html(cells.get((row, column)), (row, column) in bold) for column in columns]
        lines.append([td(row[0]), td(row[1]), *values])
    return f"<h3>{escape(caption(table, level))}</h3>{html_table(lines, header)}"


def cell_html(cell, bold):
    value = "" if cell is None or math.isnan(cell.value) else f"{cell.value:.6f}"
    return td(cell_text(cell), value, bold)


def gallery_section(pictures, notes):
    if not pictures["blocks"]:
        return ""
    selects = "".join(
        f'<label>{name} <select id="gallery-{key}"></select></label>'
        for key, name in (("block", "condition"), ("purifier", "purifier"), ("detector", "detector"))
    )
    stack = "".join(f'<img id="show-{name}" alt="{name} purification">' for name in ("before", "after"))
    others = "".join(
        f'<figure><img id="show-{key}" alt="{text}"><figcaption>{text}</figcaption></figure>'
        for key, text in (("original", "original"), ("truth", "ground truth"), ("map", "co-saliency map"))
    )
    return (
        f'<p class="soft">How they were chosen: {escape(gallery.RULE)}</p>{"".join(f"<p>{escape(note)}</p>" for note in notes)}'
        f'<div class="controls">{selects}</div><div class="tabs controls" id="groups"></div><div id="images"></div>'
        f'<p id="image-name" aria-live="polite"></p><div id="detail"><div><div class="stack">{stack}'
        '<img id="overlay" class="map" alt=""></div><label>before <input type="range" id="slider" min="0" max="100" '
        'value="50" aria-label="before and after purification"> after</label><br><label><input type="checkbox" '
        f'id="overlaid"> co-saliency map over it</label></div>{others}</div>'
    )


def figures(results):
    """The figures of the run, as far as they fit."""
    parts, size = [], 0
    for path in sorted(Path(Layout(str(results)).figures).glob("*.png")):
        address = gallery.data_address(path, side=None)
        size += len(address)
        if size > FIGURES_BUDGET:
            parts.append(f"<p>{escape(path.name)} and what follows would make the page too large: see its folder.</p>")
            break
        name = escape(path.stem, quote=True)
        parts.append(
            f'<details><summary>{name}</summary><img class="figure" alt="{name}" src="{address}" loading="lazy"></details>'
        )
    return "".join(parts)


def stage_times(benchmarks):
    """DataFrame of Snakemake's benchmark files: stage, name (the folders below it), s, cpu_time (s), max_rss (MB)."""
    rows = []
    for path in sorted(benchmarks.glob("**/*.tsv")):
        stage, *inner = path.relative_to(benchmarks).with_suffix("").parts
        row = read_benchmark(path)
        numbers = [row.get(key, math.nan) for key in ("s", "cpu_time", "max_rss")]
        rows.append((stage, "/".join(inner[:-1]), *numbers))
    return pd.DataFrame(rows, columns=["stage", "name", "s", "cpu_time", "max_rss"])


def time_section(times, scores, blocks, entries):
    if times.empty:
        return ""
    sums = times.groupby("stage", sort=False).agg(jobs=("s", "size"), s=("s", "sum"), rss=("max_rss", "max"))
    rows = [
        [td(stage), td(f"{row.jobs:.0f}"), td(f"{row.s:,.0f}", row.s), td(f"{row.rss:,.0f}", row.rss)]
        for stage, row in sums.iterrows()
    ]
    table = html_table(rows, ("stage", "jobs", "seconds, summed", "peak memory, MB"))
    plotted = "".join(
        robustness_plot(times, scores, *args, entries) for args in zip(degraded(scores, entries), blocks, strict=True)
    )
    return f'<p class="soft">Of the jobs whose benchmark files are there; loading models included.</p>{table}{plotted}'


def projection(benchmarks, entries):
    """What the groups of the four published data sets would take at this run's pace, a line an entry of a GPU's stage."""
    times = {key: seconds for key, seconds in seconds_a_group(read_jobs(benchmarks)).items() if key[0] in ON_GPU}
    if not times:
        return ""
    groups = sum(its.groups for its in PUBLISHED.values())
    rows = [
        [td(stage), td(", ".join(labels_of(names, entries))), number(seconds), number(seconds * groups / 3600)]
        for (stage, *names), seconds in times.items()
    ]
    rows.append([td("all"), td(""), number(sum(times.values())), number(sum(times.values()) * groups / 3600)])
    table = html_table(rows, ("stage", "entries", "seconds a group", f"hours, {groups} groups"))
    note = f"""The four published data sets have {groups} groups. Hours of one device of this machine, with the models and sizes of
    this run; those of the paper's configuration follow from a pilot of it (docs/cluster.md, cosalpure plan)."""
    title = "What the paper's data sets would take at this pace"
    return f'<details><summary>{title}</summary><p class="soft">{note}</p>{table}</details>'


def labels_of(names, entries):
    """The labels of a condition's entries without the dataset: degradation, purifier, detector, as far as given."""
    families = ("degradations", "purifiers", "detectors")
    return [entries.label(family, name) for family, name in zip(families, names, strict=False)]


def robustness_plot(times, scores, pair, block, entries):
    """Seconds an image of each purifier against its success on the attacked half, mean of the detectors."""
    images = len(scores[scores["dataset"] == pair[0]][["slug", "file"]].drop_duplicates())
    points = []
    cells = [cell for cell in block["cells"] if cell["degradation"] == pair[1]]  # without the clean reference
    for purifier in dict.fromkeys(cell["purifier"] for cell in cells):
        spent = times[(times["stage"] == "purify") & (times["name"] == "/".join([*pair, purifier]))]["s"].sum()
        found = [
            cell["value"]
            for cell in cells
            if (cell["purifier"], cell["metric"], cell["split"]) == (purifier, "sr", "adv")
            and cell["value"] is not None
        ]
        if spent and found:
            points.append((entries.label("purifiers", purifier), spent / images, sum(found) / len(found)))
    if not points:
        return ""
    title = f"{escape(block['name'])}: time of purification against success on the attacked half, mean of the detectors"
    return f"<h3>{title}</h3>{plots.time_against_robustness(points)}"


def manifest(config, seed):
    """Versions, machine, git state, weights with their sha256, the whole configuration."""
    rows = [[td(key), td(value)] for key, value in provenance.describe(config, seed).items()]
    text = escape(json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False))
    return f"{html_table(rows)}<details><summary>The whole configuration</summary><pre>{text}</pre></details>"


def html_table(rows, header=()):
    """A table of cells made by `td`, in a box that scrolls by itself; one with a header is sortable."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    head = f"<thead><tr>{head}</tr></thead>" if header else ""
    kind = ' class="sortable"' if header else ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table{kind}>{head}<tbody>{body}</tbody></table></div>'


def td(text, value=None, bold=False):
    """A cell; `value` is the number that it is sorted by, an empty text for none."""
    attribute = "" if value is None else f' data-value="{value}"'
    text = escape(str(text))
    return f"<td{attribute}>{f'<strong>{text}</strong>' if bold else text}</td>"


def number(value):
    """A cell of a number, a dash for none."""
    return td("–", "") if math.isnan(value) else td(f"{value:.4g}", value)


def cited(config, scores):
    """BibTeX of the methods behind the entries that were run."""
    names = {family: scores[family.removesuffix("s")].unique() for family in citations.FAMILIES}
    return citations.bibtex(citations.methods_run(config, names))
