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
