rule detect_cosaliency:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=maps_images,
        weights=weights_of("detectors", "weights"),
    output:
        "results/detect/{dataset}/{degradation}/{purifier}/{detector}/shards/{span}.parquet",
    log:
        "logs/detect/{dataset}/{degradation}/{purifier}/{detector}/{span}.log",
    benchmark:
        "logs/benchmarks/detect/{dataset}/{degradation}/{purifier}/{detector}/{span}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(120),
    params:
        method=method_of("detectors"),
        settings=settings_of("detectors"),
        averaged=average_option,
        groups=groups,
    message:
        "detect: {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}, by {wildcards.detector}"
    shell:
        "cosalpure detect {params.method:q} --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --images results/purify/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q} {params.averaged}"
        " --output results/detect/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q}/{wildcards.detector:q}"
        " --settings {params.settings:q} --threads {threads} > {log:q} 2>&1"
