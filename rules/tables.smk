rule build_table:
    input:
        table_scores,
    output:
        report(
            "results/tables/{table}.csv",
            caption="captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        multiext("results/tables/{table}", ".parquet", ".md", ".tex"),
    log:
        "logs/tables/{table}.log",
    benchmark:
        "logs/benchmarks/tables/{table}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        degradation=table_degradation(),
        settings=part("statistics"),
        entries=entries,
        seed=SETTINGS.seed,
    message:
        "table: {wildcards.table}"
    shell:
        "cosalpure tables {input:q} --degradation {params.degradation:q} --only {wildcards.table} --output results/tables"
        " --settings {params.settings:q} --entries {params.entries:q} --seed {params.seed} > {log:q} 2>&1"


rule collect_scores:
    input:
        score_files,
    output:
        "results/tables/scores.parquet",
    log:
        "logs/tables/scores.log",
    benchmark:
        "logs/benchmarks/tables/scores.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    message:
        "tables: every score in one file"
    shell:
        "cosalpure tables {input:q} --only scores --output results/tables > {log:q} 2>&1"


# Last of all: a run with gaps ends with an error, and everything else of it is there.
rule check_complete:
    input:
        scores="results/tables/scores.parquet",
        others=[*table_files(*tables()), *figure_files(), *report_page()],
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
