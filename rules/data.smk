rule make_dataset:
    output:
        "results/data/{dataset}/manifest.parquet",
    log:
        "logs/data/{dataset}.log",
    benchmark:
        "logs/benchmarks/data/{dataset}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(60),
    params:
        settings=dataset_settings,
        seed=SETTINGS.seed,
    message:
        "data: {wildcards.dataset}"
    shell:
        "cosalpure data {wildcards.dataset:q} --output results/data/{wildcards.dataset:q}"
        " --settings {params.settings:q} --seed {params.seed} > {log:q} 2>&1"
