# CosalPure: attack, learn a concept, purify, detect, score, tabulate. An index; each stage has its file in rules/.
#
#   snakemake --cores all                                       the default experiment, config.yaml
#   snakemake --cores all table2                                one target; rules/targets.smk lists them
#   snakemake --cores all --config concept='{steps: 200}'       a setting changed: what depends on it reruns
#   snakemake -n                                                what would run
#   snakemake models --config training='{minutes: 60}'          train the small models (docs/training.md)
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


TRAINING = config.pop("training", {})  # of rules/train.smk: no part of an experiment


include: "rules/common.smk"


rule all:
    input:
        table_files(*tables()),
        figure_files(),
        report_page(),
        "results/tables/complete.txt" if SCORED else [],


include: "rules/targets.smk"
include: "rules/weights.smk"
include: "rules/data.smk"
include: "rules/degrade.smk"
include: "rules/concept.smk"
include: "rules/purify.smk"
include: "rules/detect.smk"
include: "rules/score.smk"
include: "rules/tables.smk"
include: "rules/report.smk"
include: "rules/train.smk"
