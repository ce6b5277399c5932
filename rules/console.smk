# What a run prints: cosalpure/console. Jobs that start a Snakemake of their own, on a cluster, print as it does.
from cosalpure.console import Interrupts, finished_lines, install, stopped_line

INTERRUPTS = Interrupts()
if workflow.is_main_process:
    INTERRUPTS.watch()
    install(
        workflow.output_settings,
        slots=workflow.resource_settings.nodes or workflow.resource_settings.cores,
        targets=lambda: [rule.name for rule in workflow.rules if not rule.output],
    )
