rule build_tables:
    input:
        score_files,
    output:
        "results/tables/scores.parquet",
        expand("results/tables/{table}.{kind}", table=tables(), kind=("parquet", "csv", "md", "tex")),
    log:
        "logs/tables.log",
    benchmark:
        "logs/benchmarks/tables.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        degradation=table_degradation(),
        settings=part("statistics"),
        seed=SETTINGS.seed,
    message:
        "tables"
    shell:
        "cosalpure tables {input:q} --degradation {params.degradation:q} --output results/tables"
        " --settings {params.settings:q} --seed {params.seed} > {log:q} 2>&1"


# Last of all: a run with gaps ends with an error, and everything else of it is there.
rule check_complete:
    input:
        scores="results/tables/scores.parquet",
        others=[*table_files(*tables()), *overview_files(), *sweep_files(), *report_page()],
    output:
        "results/tables/complete.txt",
    log:
        "logs/complete.log",
    benchmark:
        "logs/benchmarks/complete.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    message:
        "does every image have a score?"
    shell:
        "cosalpure complete {input.scores:q} --output {output:q} > {log:q} 2>&1"
