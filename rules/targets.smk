# Named targets: a stage's name runs everything up to it, a table's name makes that table.
from cosalpure.train import NETWORKS


localrules:
    all,
    data,
    degrade,
    concept,
    purify,
    detect,
    score,
    tables,
    report,
    concepts_shown,
    screenshots,
    dataset_curves,
    words,
    models,


rule data:
    input:
        JOBS.manifests(),


rule degrade:
    input:
        JOBS.all_shards("degrade"),


rule concept:
    input:
        JOBS.concept_shards(),


rule purify:
    input:
        JOBS.all_shards("purify"),


rule detect:
    input:
        JOBS.all_shards("detect"),


rule score:
    input:
        JOBS.scores(),


rule tables:
    input:
        LAYOUT.scores if JOBS.scored else [],
        JOBS.table_files(*JOBS.tables),


for table in NAMES:

    rule:
        name:
            table
        input:
            lambda wildcards, table=table: or_exit(JOBS.table_files, table),  # one line if it has nothing of it
        localrule: True


rule report:
    input:
        JOBS.figures(),
        JOBS.page(),


rule concepts_shown:  # previews and attention maps: concepts of clean groups are learned for them too
    input:
        JOBS.concept_figures(),


rule screenshots:  # those of the README and docs/explanation/report.md; they need Chromium
    input:
        expand(
            LAYOUT.screenshot("{part}", "{width}", "{colours}"),
            part=("what-came-out", "tables", "gallery"),
            width=(390, 1440),
            colours=("light", "dark"),
        ),


rule dataset_curves:  # max F and max E at one threshold for the whole dataset
    input:
        LAYOUT.table("dataset_curves"),


rule words:  # the rank of the learned words, beside the success rate of CosalPure
    input:
        LAYOUT.table("words"),


rule models:
    input:
        [LAYOUT.model(f"{network}.safetensors") for network in NETWORKS],
        LAYOUT.model("text-to-image/final/model_index.json"),
        LAYOUT.model("gate/gate.json"),
