# CosalPure: attack, learn a concept, purify, detect, score, tabulate. An index; each stage has its file in rules/.
#
#   snakemake --cores all                                       the default experiment, config.yaml
#   snakemake --cores all table2                                one target; rules/targets.smk lists them
#   snakemake --cores all --config concept='{steps: 200}'       a setting changed: what depends on it reruns
#   snakemake -n --configfile config/paper.yaml                 what another experiment would run
from snakemake.utils import min_version

min_version("9.0")


# An experiment is complete by itself: the default one is read only where no other is named.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "rules/common.smk"


onstart:
    stop_if_missing()


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
