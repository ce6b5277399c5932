rule build_table:
    input:
        lambda wildcards: JOBS.table_scores(wildcards.table),
    output:
        report(
            LAYOUT.table("{table}", "csv"),
            caption="captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        *(LAYOUT.table("{table}", kind) for kind in ("parquet", "md", "tex")),
    log:
        LAYOUT.log("tables", "{table}"),
    benchmark:
        LAYOUT.benchmark("tables", "{table}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("tables"),
        degradation=JOBS.table_degradation,
        attacks=lambda wildcards, output: LAYOUT.stage("degrade"),  # not compared, as it takes `output`
        output=lambda wildcards: LAYOUT.tables,
        settings=part("statistics"),
        entries=entries,
        seed=EXPERIMENT.seed,
    message:
        "table: {wildcards.table}"
    shell:
        "cosalpure tables build {input:q} --degradation {params.degradation:q} --only {wildcards.table} --output {params.output}"
        " --attacks {params.attacks:q}"
        " --settings {params.settings:q} --entries {params.entries:q} --seed {params.seed} > {log:q} 2>&1"


rule collect_scores:
    input:
        JOBS.scores(),
    output:
        LAYOUT.scores,
    log:
        LAYOUT.log("tables", "scores"),
    benchmark:
        LAYOUT.benchmark("tables", "scores")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("tables"),
        output=lambda wildcards: LAYOUT.tables,
    message:
        "tables: every score in one file"
    shell:
        "cosalpure tables build {input:q} --only scores --output {params.output} > {log:q} 2>&1"


rule build_dataset_curves:
    input:
        JOBS.curves(),
    output:
        [LAYOUT.table("dataset_curves", kind) for kind in ("parquet", "csv", "md", "tex")],
    log:
        LAYOUT.log("tables", "dataset_curves"),
    benchmark:
        LAYOUT.benchmark("tables", "dataset_curves")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("dataset_curves"),
        stem=lambda wildcards, output: Path(output[0]).with_suffix(""),
        settings=part("statistics"),
        entries=entries,
        seed=EXPERIMENT.seed,
    message:
        "table: max F and max E of the dataset"
    shell:
        "cosalpure curves table {input:q} --output {params.stem:q} --settings {params.settings:q}"
        " --entries {params.entries:q} --seed {params.seed} > {log:q} 2>&1"


rule build_words_table:
    input:
        words=list(dict.fromkeys(LAYOUT.words(*its[:2]) for its in JOBS.scored_conditions if its in EXPERIMENT.learned)),
        scores=JOBS.scores(its for its in JOBS.scored_conditions if its in EXPERIMENT.learned),
    output:
        [LAYOUT.table("words", kind) for kind in ("parquet", "csv", "md", "tex")],
    log:
        LAYOUT.log("tables", "words"),
    benchmark:
        LAYOUT.benchmark("tables", "words")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("words_table"),
        stem=lambda wildcards, output: Path(output[0]).with_suffix(""),
        settings=part("statistics"),
        entries=entries,
        seed=EXPERIMENT.seed,
    message:
        "table: what the learned concepts mean"
    shell:
        "cosalpure words table {input.words:q} --scores {input.scores:q} --output {params.stem:q} --settings {params.settings:q}"
        " --entries {params.entries:q} --seed {params.seed} > {log:q} 2>&1"


# Last of all: a run with gaps ends with an error, and everything else of it is there.
rule check_complete:
    input:
        scores=LAYOUT.scores,
        others=[*JOBS.table_files(*JOBS.tables), *JOBS.figures(), *JOBS.page()],
    output:
        LAYOUT.complete,
    log:
        LAYOUT.log("complete"),
    benchmark:
        LAYOUT.benchmark("complete")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        code=lambda wildcards: JOBS.code("complete"),
    message:
        "does every image have a score?"
    shell:
        "cosalpure tables check {input.scores:q} --output {output:q} > {log:q} 2>&1"
