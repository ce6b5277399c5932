rule learn_concepts:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=shards("degrade", "degrade/{dataset}/{degradation}"),
        weights=model_index,
    output:
        "results/concept/{dataset}/{degradation}/shards/{span}.parquet",
    log:
        "logs/concept/{dataset}/{degradation}/{span}.log",
    benchmark:
        "logs/benchmarks/concept/{dataset}/{degradation}/{span}.tsv"
    priority: 1  # the longest jobs, and CosalPure waits for them: before other purifiers, else a core idles at the end
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(240),
    params:
        settings=part("concept"),
        model=part("text_to_image"),
        groups=groups,
        seed=seed,
    message:
        "concept: {wildcards.dataset}, {wildcards.degradation}, groups {params.groups}"
    shell:
        "cosalpure concept --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --images results/degrade/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --output results/concept/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --settings {params.settings:q} --text-to-image {params.model:q}"
        " --seed {params.seed} --threads {threads} > {log:q} 2>&1"
