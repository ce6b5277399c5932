# What the rules share. Which jobs there are is decided in cosalpure/experiment/jobs.py, where files lie in layout.py there.
import json
import os
import sys
from pathlib import Path
from shlex import quote

from cosalpure.doctor import preflight, unused_note
from cosalpure.errors import or_exit
from cosalpure.experiment.files import DEFAULT, check_files
from cosalpure.experiment.jobs import SHOWN, Jobs
from cosalpure.experiment.layout import SPAN, Layout, any_of, span_option
from cosalpure.experiment.needs import training_files
from cosalpure.experiment.parse import load
from cosalpure.slurm import check_jobs
from cosalpure.tables import NAMES
from cosalpure.weights import read_sources

FILES, LAYOUT = [os.path.relpath(file) for file in workflow.overwrite_configfiles or [DEFAULT]], Layout()
or_exit(check_files, FILES)
EXPERIMENT = or_exit(load, config, "config", FILES[0])
JOBS = or_exit(Jobs, EXPERIMENT, LAYOUT)
ARCHIVES = {its.file: name for name, its in or_exit(read_sources, EXPERIMENT.sources, "data").items()}
PUBLISHED = {its.marker: name for name, its in or_exit(read_sources, EXPERIMENT.sources).items()}
# The command `cosalpure` of the Python that runs Snakemake, unless conda or a container brings its own.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f"set -euo pipefail; export PATH='{Path(sys.executable).parent}':\"$PATH\"; ")
# What was typed, for the records of the jobs and the report; jobs inherit it, and start a Snakemake of their own on a cluster.
os.environ.setdefault("COSALPURE_COMMAND", " ".join(map(quote, ["snakemake", *sys.argv[1:]])))


wildcard_constraints:
    dataset=any_of(EXPERIMENT.datasets),
    degradation=any_of([*EXPERIMENT.degradations, *(its[1] for its in JOBS.conditions)]),
    purifier=any_of(EXPERIMENT.purifiers),
    detector=any_of(EXPERIMENT.detectors),
    clean=any_of(EXPERIMENT.degradations),
    table=any_of(NAMES),
    kind="comparison|ablation",
    part="[a-z-]+",
    span=SPAN,
    sweep=any_of(EXPERIMENT.sweeps),
    published=any_of(PUBLISHED),
    archive=any_of(ARCHIVES),


def names(wildcards, stage):
    """The entry of a stage that the wildcards name: as many of dataset, degradation, purifier, detector as it has."""
    return [getattr(wildcards, key.strip("{}")) for key in LAYOUT.wildcards(stage)]


def folder(stage):
    """A params function: the folder of a stage's entry."""
    return lambda wildcards: LAYOUT.stage(stage, *names(wildcards, stage))


def shards(stage, span=None):
    """An input function: the shard files of a stage that hold the groups of a job, or those of `span`."""
    return lambda wildcards: JOBS.shards(stage, *names(wildcards, stage), span=span or wildcards.get("span"))


def groups(wildcards):
    """A params function: a span as the command line takes it: 0000-0012 is 0:12."""
    return span_option(wildcards.span)


def seed(wildcards):
    """A params function: the run's seed, or that of the degradation's name."""
    return EXPERIMENT.seed_of(wildcards.degradation)


def part(key):
    """A params function: one part of the settings. (A plain string with {token} would be taken for a wildcard.)"""
    return lambda wildcards, speed=False: getattr(EXPERIMENT, key).as_json(speed)


def for_command(settings):
    """A params function: `settings` with those of speed alone. As it takes `output`, Snakemake does not compare the text."""
    return lambda wildcards, output: settings(wildcards, speed=True)


def entries(wildcards):
    """A params function: labels, roles and reported rows, which change what is printed and no score."""
    return json.dumps(JOBS.entries.as_dict(), sort_keys=True, ensure_ascii=False)


def method_of(family):
    """A params function: the method behind the wildcard's entry of `family`."""
    return lambda wildcards: EXPERIMENT.entry(family, wildcards[family[:-1]]).method


def settings_of(family):
    """A params function: exactly the settings that the method sees, so that nothing else causes a rerun."""
    text = ("compared_text", "settings_text")
    return lambda wildcards, speed=False: getattr(EXPERIMENT.entry(family, wildcards[family[:-1]]), text[speed])


def files_of(family):
    """An input function: the files of weights that the wildcard's entry of `family` names."""
    return lambda wildcards: EXPERIMENT.entry(family, wildcards[family[:-1]]).files


def method_file(family):
    """An input function: the Python file of a method named by its file. A comment in it reruns nothing, so not by its time."""
    return lambda wildcards: [ancient(file) for file in EXPERIMENT.entry(family, wildcards[family[:-1]]).method_file]


def sources_option(wildcards):
    """--sources FILE where the configuration names a table of its own, else nothing."""
    return f"--sources {quote(EXPERIMENT.sources)}" if EXPERIMENT.sources else ""


def grown(megabytes):
    """Memory in MB, half as much again at every retry."""
    return lambda wildcards, attempt: int(megabytes * 1.5 ** (attempt - 1))


def longer(minutes):
    """Runtime in minutes, twice as much at every retry."""
    return lambda wildcards, attempt: minutes * 2 ** (attempt - 1)
