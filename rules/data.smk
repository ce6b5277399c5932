# A published data set is fetched unless the configuration gives the `path` of what is there (docs/how-to/data.md). Where compute
# nodes are offline: snakemake --cores 1 datasets/FILE on the login node, or `cosalpure data fetch NAME`.
localrules:
    fetch_archive,


rule fetch_archive:
    output:
        # what is there, perhaps put there by hand, is checked, never removed
        update("datasets/{archive}"),
    log:
        LAYOUT.log("archives", "{archive}"),
    conda:
        "../envs/cosalpure.yaml"
    params:
        name=lambda wildcards: ARCHIVES[wildcards.archive],
        sources=sources_option,
    message:
        "data: fetching {params.name}"
    shell:
        "cosalpure data fetch {params.name:q} {params.sources} 2>&1 | tee {log:q}"


rule make_dataset:
    input:
        lambda wildcards: JOBS.archive(wildcards.dataset, ARCHIVES),
    output:
        LAYOUT.manifest("{dataset}"),
    log:
        LAYOUT.log("data", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("data", "{dataset}")
    conda:
        "../envs/cosalpure.yaml"
    threads: lambda wildcards: 1 if EXPERIMENT.datasets[wildcards.dataset].settings.source == "mini" else 4  # photos are read by several
    resources:
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        code=lambda wildcards: JOBS.code("data", **wildcards),
        settings=lambda wildcards: EXPERIMENT.datasets[wildcards.dataset].settings_text,
        content=lambda wildcards: JOBS.content(wildcards.dataset),
        folder=folder("data"),
        sources=sources_option,
        seed=EXPERIMENT.seed,
    message:
        "data: {wildcards.dataset}"
    shell:
        "cosalpure data {wildcards.dataset:q} --output {params.folder:q}"
        " --settings {params.settings:q} {params.sources} --seed {params.seed} --threads {threads} > {log:q} 2>&1"
