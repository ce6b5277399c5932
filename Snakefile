# CosalPure: attack, learn a concept, purify, detect, score, tabulate. An index; each stage has its file in rules/.
#
#   snakemake                                                   the default experiment, config.yaml, on all cores
#   snakemake table2                                            one target; rules/targets.smk lists them
#   snakemake --config concept='{steps: 200}'                   a setting changed: what depends on it reruns
#   snakemake -n --configfile config/paper.yaml                 what another experiment would run
#   snakemake models --config training='{minutes: 60}'          train the small models (docs/how-to/training.md)
from snakemake.utils import min_version

min_version("9.0")


# An experiment is complete by itself: the default one is read only where no other is named.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


TRAINING = config.pop("training", {})  # of rules/train.smk: no part of an experiment


include: "rules/common.smk"
include: "rules/console.smk"


onstart:  # before anything is submitted: all that the planned jobs lack and the workflow cannot get, in one list
    lines = preflight(EXPERIMENT, {job.rule.name for job in workflow.dag.needrun_jobs()})
    if lines:
        print("\n".join(lines), file=sys.stderr)
        doctor = f"cosalpure doctor {' '.join(FILES)}"
        sys.exit(f"cosalpure: nothing was started, since something is missing; the same list: {doctor}")
    if note := unused_note(EXPERIMENT):
        print(note, file=sys.stderr)
    if workflow.executor_plugin.name == "slurm":
        planned = [job.resources for job in workflow.dag.needrun_jobs() if not job.is_local]
        or_exit(check_jobs, workflow.resource_settings.nodes, workflow.executor_settings.qos, planned)
    INTERRUPTS.running = True


onsuccess:
    for line in or_exit(finished_lines, LAYOUT, {job.rule.name for job in workflow.dag.jobs}):
        logger.info(line)


onerror:
    logger.info(stopped_line(INTERRUPTS.seen))


rule all:
    input:
        JOBS.table_files(*JOBS.tables),
        JOBS.figures(),
        JOBS.page(),
        LAYOUT.complete if JOBS.scored else [],


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
