rule degrade_images:
    input:
        data="results/data/{dataset}/manifest.parquet",
        weights=weights_of("degradations", "surrogate"),
    output:
        "results/degrade/{dataset}/{degradation}/shards/{span}.parquet",
    log:
        "logs/degrade/{dataset}/{degradation}/{span}.log",
    benchmark:
        "logs/benchmarks/degrade/{dataset}/{degradation}/{span}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(120),
    params:
        method=method_of("degradations"),
        settings=settings_of("degradations"),
        groups=groups,
        seed=seed,
    message:
        "degrade: {wildcards.dataset} by {wildcards.degradation}, groups {params.groups}"
    shell:
        "cosalpure degrade {params.method:q} --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --output results/degrade/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --settings {params.settings:q} --seed {params.seed} --threads {threads} > {log:q} 2>&1"
