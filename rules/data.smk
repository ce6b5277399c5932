rule make_dataset:
    input:
        dataset_archive,
    output:
        "results/data/{dataset}/manifest.parquet",
    log:
        "logs/data/{dataset}.log",
    benchmark:
        "logs/benchmarks/data/{dataset}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: dataset_threads
    resources:
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        settings=dataset_settings,
        content=dataset_content,
        seed=SETTINGS.seed,
    message:
        "data: {wildcards.dataset}"
    shell:
        "cosalpure data {wildcards.dataset:q} --output results/data/{wildcards.dataset:q}"
        " --settings {params.settings:q} --seed {params.seed} --threads {threads} > {log:q} 2>&1"
