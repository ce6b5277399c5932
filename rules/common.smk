# Helpers of the rules; no rules here. Results are addressed by prefixes of a condition: dataset, degradation,
# purifier, detector. A job handles a span of groups, "0000-0012" for groups 0 to 11.
import json
import os
import re
import sys
from pathlib import Path
from shlex import quote

from cosalpure import settings as cosalpure_settings
from cosalpure.doctor import preflight
from cosalpure.data.layouts import count_groups, fingerprint, has_truth
from cosalpure.errors import UserError
from cosalpure.experiment.files import DEFAULT, check_files, read_files
from cosalpure.tables import ABLATED, NAMES, conditions_of, table_names
from cosalpure.weights import read_sources

FILES = [os.path.relpath(file) for file in workflow.overwrite_configfiles or [DEFAULT]]
try:
    check_files(FILES)
    SETTINGS = cosalpure_settings.load(config)
    ENTRIES = SETTINGS.entries()
    CONDITIONS = SETTINGS.expand()
    GROUPS = {name: count_groups(name, SETTINGS.dataset(name)) for name in {names[0] for names in CONDITIONS}}
    SCORED = {name for name in GROUPS if has_truth(SETTINGS.dataset(name))}  # those with ground truth
    ARCHIVES = {its.file: name for name, its in read_sources(SETTINGS.sources, "data").items()}
    PUBLISHED = {its.marker: name for name, its in read_sources(SETTINGS.sources).items()}
except UserError as error:
    sys.exit("\n".join(f"cosalpure: {line}" for line in str(error).splitlines()))

DEGRADATIONS = dict.fromkeys([*SETTINGS.degradations, *(condition[1] for condition in CONDITIONS)])
ONCE = [condition for condition in CONDITIONS if condition[1] in SETTINGS.degradations]  # without further seeds
CLEAN_REFERENCES = {pair[:2] for pair in ONCE if ENTRIES.role("degradations", pair[1]) == "reference"}
SHOWN = 6  # groups of the figures of concepts: the first ones
# The command `cosalpure` of the Python that runs Snakemake, unless conda or a container brings its own.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f"set -euo pipefail; export PATH='{Path(sys.executable).parent}':\"$PATH\"; ")


# What was typed, for the report; jobs inherit it, and start a Snakemake of their own on a cluster.
os.environ.setdefault("COSALPURE_COMMAND", " ".join(map(quote, ["snakemake", *sys.argv[1:]])))


wildcard_constraints:
    dataset="|".join(map(re.escape, SETTINGS.datasets)),
    degradation="|".join(map(re.escape, DEGRADATIONS)),
    purifier="|".join(map(re.escape, SETTINGS.purifiers)),
    detector="|".join(map(re.escape, SETTINGS.detectors)),
    clean="|".join(map(re.escape, SETTINGS.degradations)),
    table="|".join(NAMES),
    kind="comparison|ablation",
    part="[a-z-]+",
    span=r"\d{4}-\d{4}",
    sweep="|".join(map(re.escape, SETTINGS.sweeps)) or "none",
    published="|".join(map(re.escape, PUBLISHED)) or "none",
    archive="|".join(map(re.escape, ARCHIVES)) or "none",


def spans(stage, dataset):
    """The spans of all jobs of `stage` on `dataset`."""
    count, size = GROUPS[dataset], getattr(SETTINGS.groups_per_job, stage)
    return [f"{start:04d}-{min(start + size, count):04d}" for start in range(0, count, size)]


def covering(stage, wildcards):
    """The spans of `stage` that hold the groups of a later stage's job, or all for a stage without spans."""
    wanted = getattr(wildcards, "span", None)
    found = spans(stage, wildcards.dataset)
    if wanted is None:
        return found
    first, end = map(int, wanted.split("-"))
    return [span for span in found if int(span[:4]) < end and int(span[5:]) > first]


def shards(stage, folder):
    """An input function: the shard files under results/`folder` that a job's groups need from `stage`."""
    pattern = f"results/{folder}/shards/{{span}}.parquet"

    def files(wildcards):
        named = {key: value for key, value in wildcards.items() if key != "span"}
        return [pattern.format(span=span, **named) for span in covering(stage, wildcards)]

    return files


def groups(wildcards):
    """A span as the command line takes it: 0000-0012 is 0:12."""
    return ":".join(str(int(part)) for part in wildcards.span.split("-"))


def seed(wildcards):
    """A params function: the run's seed, or that of the degradation's name."""
    return SETTINGS.seed_of(wildcards.degradation)


def as_json(settings):
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)


def part(key):
    """A params function: one part of the settings. (A plain string with {token} would be taken for a wildcard.)"""
    return lambda wildcards: as_json(getattr(SETTINGS, key))


def entries(wildcards):
    """A params function: labels, roles and reported rows, which change what is printed and no score."""
    return json.dumps(ENTRIES.as_dict(), sort_keys=True, ensure_ascii=False)


def method_of(family):
    """A params function: the method behind the wildcard's entry of `family`."""
    return lambda wildcards: SETTINGS.method(family, getattr(wildcards, family[:-1]))


def settings_of(family):
    """A params function: exactly the settings that the method sees, so that nothing else causes a rerun."""
    return lambda wildcards: as_json(SETTINGS.method_settings(family, getattr(wildcards, family[:-1])))


def dataset_settings(wildcards):
    return as_json(SETTINGS.dataset(wildcards.dataset))


def dataset_archive(wildcards):
    """The archive that a dataset is made from: the one its settings name, or the published one, which is fetched."""
    settings = SETTINGS.dataset(wildcards.dataset)
    path = getattr(settings, "path", None)
    if path is None:
        return [f"datasets/{file}" for file, name in ARCHIVES.items() if name == settings.source]
    return path if Path(path).is_file() else []


def dataset_content(wildcards):
    """What a folder of photos holds: a photo more or less is a reason to make the dataset again."""
    path = getattr(SETTINGS.dataset(wildcards.dataset), "path", None)
    return fingerprint(path) if path else ""


def dataset_threads(wildcards):
    """Photos are read by several processes; the mini benchmark is composed by one."""
    return 1 if SETTINGS.dataset(wildcards.dataset).source == "mini" else 4


def uses_concept(wildcards):
    return SETTINGS.reads_concept(wildcards.purifier)


def uses_model(wildcards):
    return getattr(SETTINGS.method_settings("purifiers", wildcards.purifier), "needs_model", True)


def concept_shards(wildcards):
    """The concepts that a purifier reads: those of the job's groups, or all where it takes other groups' concepts."""
    if not uses_concept(wildcards):
        return []
    own = getattr(SETTINGS.method_settings("purifiers", wildcards.purifier), "concept", "own") == "own"
    found = covering("concept", wildcards) if own else spans("concept", wildcards.dataset)
    return [f"results/concept/{wildcards.dataset}/{wildcards.degradation}/shards/{span}.parquet" for span in found]


def concept_option(wildcards):
    """--concepts FOLDER for a purifier that reads them, else nothing."""
    folder = f"results/concept/{wildcards.dataset}/{wildcards.degradation}"
    return f"--concepts {folder}" if uses_concept(wildcards) else ""


def model_index(wildcards):
    """The text-to-image model's index file: a newer model reruns what it was used for. One of the hub has none here."""
    path = SETTINGS.text_to_image.path
    return [] if path.startswith("hf:") else f"{path}/model_index.json"


def purifier_weights(wildcards):
    """The files that a purifier loads: the text-to-image model's index and whatever weights its settings name."""
    settings = SETTINGS.method_settings("purifiers", wildcards.purifier)
    index = model_index(wildcards) if uses_model(wildcards) else []
    return [file for file in (index, *(getattr(settings, key, None) for key in ("weights", "continuous"))) if file]


def purifier_model(wildcards):
    return as_json(SETTINGS.text_to_image) if uses_model(wildcards) else "{}"


def weights_of(family, key):
    """An input function: the weights file or files that a method names under `key`, if it does."""

    def file(wildcards):
        settings = SETTINGS.method_settings(family, getattr(wildcards, family[:-1]))
        return getattr(settings, key, None) or []

    return file


def averages_maps(wildcards):
    return SETTINGS.map_settings(wildcards.purifier).average_maps


def maps_images(wildcards):
    """The images that a detector sees: the purified ones, and the degraded ones where maps are averaged."""
    folders = ["purify/{dataset}/{degradation}/{purifier}"]
    folders += ["degrade/{dataset}/{degradation}"] if averages_maps(wildcards) else []
    return [file for folder in folders for file in shards(folder.split("/")[0], folder)(wildcards)]


def average_option(wildcards):
    """--average-with FOLDER for a purifier whose maps are averaged with those of the degraded images, else nothing."""
    folder = f"results/degrade/{wildcards.dataset}/{wildcards.degradation}"
    return f"--average-with {folder}" if averages_maps(wildcards) else ""


def training_weights(wildcards):
    """The weights files that config/train/*.yaml names: a classifier to attack, a network to start from."""
    values = read_files([f"config/train/{wildcards.network}-{wildcards.variant}.yaml"])
    return [values[key] for key in ("classifier", "start") if values.get(key)]


def training_images(wildcards):
    """The folder of images that config/train/*.yaml names, once it is there; `preflight` stops a run without it."""
    images = read_files([f"config/train/{wildcards.network}-{wildcards.variant}.yaml"]).get("images")
    return images if images and Path(images).is_dir() else []


def stop_if_missing():
    """Before anything is submitted: all that the planned jobs lack and the workflow cannot get, in one list."""
    lines = preflight(SETTINGS, {job.rule.name for job in workflow.dag.needrun_jobs()})
    if lines:
        print("\n".join(lines), file=sys.stderr)
        sys.exit(
            "cosalpure: nothing was started, since something is missing; the same list: cosalpure doctor "
            + " ".join(FILES)
        )


def sources_option(wildcards):
    """--sources FILE where the configuration names a table of its own, else nothing."""
    return f"--sources {quote(SETTINGS.sources)}" if SETTINGS.sources else ""


def archive_name(wildcards):
    return ARCHIVES[wildcards.archive]


def published_name(wildcards):
    return PUBLISHED[wildcards.published]


SCORED_CONDITIONS = [condition for condition in CONDITIONS if condition[0] in SCORED]


def scores_of(conditions):
    """The score files of conditions."""
    return ["results/score/{}/{}/{}/{}.parquet".format(*condition) for condition in conditions]


def score_files(wildcards=None):
    return scores_of(SCORED_CONDITIONS)


def table_scores(wildcards):
    """The score files that a table is made of."""
    return scores_of(conditions_of(wildcards.table, SCORED_CONDITIONS, table_degradation(), ENTRIES))


def table_files(*tables):
    """The tables' files of all kinds, or none where nothing is scored."""
    kinds = ("parquet", "csv", "md", "tex")
    return [f"results/tables/{table}.{kind}" for table in tables for kind in kinds if SCORED]


def table_degradation():
    """The degradation that the tables are about: the first one that degrades."""
    named = [names[1] for names in SCORED_CONDITIONS] or [names[1] for names in CONDITIONS]
    return next((name for name in named if ENTRIES.role("degradations", name) != "reference"), named[0])


def tables():
    """The names of all tables: 3 (the ablation), 4 (motion blur) and seeds only where their conditions are run."""
    return table_names(SCORED_CONDITIONS, table_degradation(), ENTRIES)


def one_table(table):
    """An input function: a table's files; an error where the configuration runs nothing of it."""

    def files(wildcards):
        if table not in tables():
            sys.exit(f"cosalpure: {table}: the configuration runs nothing of it; it has {', '.join(tables())}")
        return table_files(table)

    return files


def every(pattern, stage=None):
    """All files of a `pattern` over the conditions, spans of `stage` included."""
    keys = ("dataset", "degradation", "purifier", "detector")
    named = [dict(zip(keys, condition)) for condition in CONDITIONS]
    found = [
        pattern.format(span=span, **names)
        for names in named
        for span in (spans(stage, names["dataset"]) if stage else [""])
    ]
    return list(dict.fromkeys(found))


def grown(megabytes):
    """Memory in MB, half as much again at every retry."""
    return lambda wildcards, attempt: int(megabytes * 1.5 ** (attempt - 1))


def longer(minutes):
    """Runtime in minutes, twice as much at every retry."""
    return lambda wildcards, attempt: minutes * 2 ** (attempt - 1)


def overview_blocks():
    """{(dataset, degradation, detector): purifiers}: a figure where several purifiers met a degradation.

    What cannot be scored is shown in any case: there is nothing else to look at.
    """
    blocks = {}
    for *block, purifier, detector in ONCE:
        blocks.setdefault((*block, detector), []).append(purifier)
    return {
        (dataset, degradation, detector): purifiers
        for (dataset, degradation, detector), purifiers in blocks.items()
        if dataset not in SCORED or (len(purifiers) > 1 and ENTRIES.role("degradations", degradation) != "reference")
    }


def overview_files():
    return ["results/report/figures/overview_{}_{}_{}.png".format(*block) for block in overview_blocks()]


def comparisons():
    """{(dataset, degradation, kind): purifiers} of the paper's Figures 6 (comparison) and 7 (ablation)."""
    found = {}
    for block, purifiers in compared().items():
        roles = {name: ENTRIES.role("purifiers", name) for name in purifiers}
        others = [name for name in purifiers if roles[name] != "ablation"]
        ablated = [name for name in purifiers if roles[name] in ABLATED]
        kinds = {"comparison": others, "ablation": ablated if "ablation" in roles.values() else []}
        found |= {
            (*block, kind): names for kind, names in kinds.items() if len(names) > 1 and common_detectors(*block, names)
        }
    return found


def compared():
    """{(dataset, degradation): purifiers} of what can be scored and is degraded, purified in more than one way."""
    found = {}
    for dataset, degradation, purifier, _ in ONCE:
        if dataset in SCORED and ENTRIES.role("degradations", degradation) != "reference":
            found.setdefault((dataset, degradation), {})[purifier] = None
    return {block: list(purifiers) for block, purifiers in found.items() if len(purifiers) > 1}


def failures():
    """[(dataset, degradation, purifier), ...] of the paper's Figure 2: of DiffPure, and of the last purifier."""
    return [
        (*block, name)
        for block, purifiers in compared().items()
        for name in purifiers
        if name == purifiers[-1] or SETTINGS.method("purifiers", name) == "diffpure"
    ]


def comparison_files():
    """The figures of comparisons, ablations and failures."""
    pattern = "results/report/figures/{}_{}_{}.png"
    found = [pattern.format(kind, dataset, degradation) for dataset, degradation, kind in comparisons()]
    return found + ["results/report/figures/failures_{}_{}_{}.png".format(*names) for names in failures()]


def compared_purifiers(wildcards):
    return comparisons()[wildcards.dataset, wildcards.degradation, wildcards.kind]


def common_detectors(dataset, degradation, purifiers):
    """The detectors that look at what all of `purifiers` leave, in order."""
    run = [[its[3] for its in ONCE if its[:3] == (dataset, degradation, purifier)] for purifier in purifiers]
    return [name for name in run[0] if all(name in others for others in run)]


def figure_purifiers(wildcards):
    """The purifiers of a figure: of a comparison several, of failures one."""
    return compared_purifiers(wildcards) if hasattr(wildcards, "kind") else [wildcards.purifier]


def figure_detectors(wildcards):
    return common_detectors(wildcards.dataset, wildcards.degradation, figure_purifiers(wildcards))


def compared_scores(wildcards):
    """The score files behind a figure."""
    block, detectors = (wildcards.dataset, wildcards.degradation), figure_detectors(wildcards)
    return scores_of((*block, purifier, name) for purifier in figure_purifiers(wildcards) for name in detectors)


def figure_files():
    """All figures of a plain run."""
    return [*overview_files(), *comparison_files(), *sweep_files()]


def report_page():
    return ["results/report/report.html"] if SCORED else []


def overview_purifiers(wildcards):
    return overview_blocks()[wildcards.dataset, wildcards.degradation, wildcards.detector]


def overview_maps(wildcards):
    found = []
    for purifier in overview_purifiers(wildcards):
        folder = f"results/detect/{wildcards.dataset}/{wildcards.degradation}/{purifier}/{wildcards.detector}"
        found += [f"{folder}/shards/{span}.parquet" for span in spans("detect", wildcards.dataset)]
    return found


def sweep_files():
    return expand("results/report/figures/sweep_{sweep}.png", sweep=SETTINGS.sweeps)


def sweep_scores(wildcards):
    """The score files of a sweep's points and of the clean references beside them, nothing purified."""
    points = SETTINGS.sweep_points(wildcards.sweep)
    datasets = {dataset for dataset, _, _ in points}
    wanted = {point[:2] for point in points} | {(d, g) for d, g in CLEAN_REFERENCES if d in datasets}
    return scores_of(
        condition
        for condition in ONCE
        if condition[:2] in wanted and ENTRIES.role("purifiers", condition[2]) == "reference"
    )


def sweep_points(wildcards):
    """The points as the command line takes them: DATASET/DEGRADATION=VALUE."""
    return [f"{dataset}/{name}={value:g}" for dataset, name, value in SETTINGS.sweep_points(wildcards.sweep)]


def sweep_label(wildcards):
    sweep = SETTINGS.sweeps[wildcards.sweep]
    return sweep.label or sweep.setting


def concept_targets():
    """The concepts of every degradation that a purifier reads them for."""
    pairs = dict.fromkeys(condition[:2] for condition in CONDITIONS if SETTINGS.reads_concept(condition[2]))
    return [f"results/concept/{d}/{g}/shards/{span}.parquet" for d, g in pairs for span in spans("concept", d)]


def shown(stage, folder):
    """An input function: the shard files of `stage` that hold the groups of the figures of concepts."""

    def files(wildcards):
        found = [span for span in spans(stage, wildcards.dataset) if int(span[:4]) < SHOWN]
        return [f"results/{folder}/shards/{span}.parquet".format(**wildcards) for span in found]

    return files


def concept_figures():
    """Previews beside each clean reference of the same data set, and attention maps, where concepts are read."""
    read = [condition[:3] for condition in ONCE if SETTINGS.reads_concept(condition[2])]
    degraded = dict.fromkeys((d, g) for d, g, _ in read if (d, g) not in CLEAN_REFERENCES)
    beside = [(d, g, clean) for d, g in degraded for other, clean in CLEAN_REFERENCES if other == d]
    previews = ["results/report/figures/concepts_{}_{}_{}.png".format(*names) for names in beside]
    return previews + ["results/report/figures/attention_{}_{}_{}.png".format(*names) for names in dict.fromkeys(read)]
