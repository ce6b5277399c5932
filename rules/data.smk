# A published data set is fetched unless the configuration gives the `path` of what is there (docs/data.md). Where compute
# nodes are offline: snakemake --cores 1 datasets/FILE on the login node, or `cosalpure data fetch NAME`.
localrules:
    fetch_archive,


rule fetch_archive:
    output:
        # what is there, perhaps put there by hand, is checked, never removed
        update("datasets/{archive}"),
    log:
        "logs/archives/{archive}.log",
    conda:
        "../envs/cosalpure.yaml"
    params:
        name=archive_name,
        sources=sources_option,
    message:
        "data: fetching {params.name}"
    shell:
        "cosalpure data fetch {params.name:q} {params.sources} 2>&1 | tee {log:q}"


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
        sources=sources_option,
        seed=SETTINGS.seed,
    message:
        "data: {wildcards.dataset}"
    shell:
        "cosalpure data {wildcards.dataset:q} --output results/data/{wildcards.dataset:q}"
        " --settings {params.settings:q} {params.sources} --seed {params.seed} --threads {threads} > {log:q} 2>&1"
