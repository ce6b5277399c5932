# Named targets: a stage's name runs everything up to it, a table's name makes that table.
localrules:
    all,
    data,
    degrade,
    concept,
    purify,
    detect,
    score,
    tables,
    table1,
    table2,
    table3,
    table4,
    report,
    concepts_shown,
    screenshots,
    models,


rule data:
    input:
        every("results/data/{dataset}/manifest.parquet"),


rule degrade:
    input:
        every("results/degrade/{dataset}/{degradation}/shards/{span}.parquet", "degrade"),


rule concept:
    input:
        concept_targets(),


rule purify:
    input:
        every("results/purify/{dataset}/{degradation}/{purifier}/shards/{span}.parquet", "purify"),


rule detect:
    input:
        every("results/detect/{dataset}/{degradation}/{purifier}/{detector}/shards/{span}.parquet", "detect"),


rule score:
    input:
        score_files(),


rule tables:
    input:
        "results/tables/scores.parquet" if SCORED else [],
        table_files(*tables()),


rule table1:
    input:
        one_table("table1"),


rule table2:
    input:
        one_table("table2"),


rule table3:
    input:
        one_table("table3"),


rule table4:
    input:
        one_table("table4"),


rule report:
    input:
        figure_files(),
        report_page(),


rule concepts_shown:  # previews and attention maps: concepts of clean groups are learned for them too
    input:
        concept_figures(),


rule screenshots:  # those of the README and docs/report.md; they need Chromium
    input:
        expand("results/report/screenshots/{part}.png", part=("what-came-out", "gallery")),


rule models:
    input:
        expand(
            "results/models/{network}.safetensors", network=("resneta50b", "gicd", "gcagc", "poolnet", "liif", "adm")
        ),
        "results/models/text-to-image/final/model_index.json",
        "results/models/gate/gate.json",
