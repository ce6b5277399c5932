rule purify_images:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=shards("degrade", "degrade/{dataset}/{degradation}"),
        concepts=concept_shards,
        weights=purifier_weights,
    output:
        "results/purify/{dataset}/{degradation}/{purifier}/shards/{span}.parquet",
    log:
        "logs/purify/{dataset}/{degradation}/{purifier}/{span}.log",
    benchmark:
        "logs/benchmarks/purify/{dataset}/{degradation}/{purifier}/{span}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(240),
    params:
        method=method_of("purifiers"),
        settings=settings_of("purifiers"),
        model=purifier_model,
        concepts=concept_option,
        groups=groups,
        seed=seed,
    message:
        "purify: {wildcards.dataset}, {wildcards.degradation}, by {wildcards.purifier}, groups {params.groups}"
    shell:
        "cosalpure purify {params.method:q} --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --images results/degrade/{wildcards.dataset:q}/{wildcards.degradation:q} {params.concepts}"
        " --output results/purify/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q}"
        " --settings {params.settings:q} --text-to-image {params.model:q}"
        " --seed {params.seed} --threads {threads} > {log:q} 2>&1"
