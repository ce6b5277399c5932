rule score_maps:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=shards("purify", "purify/{dataset}/{degradation}/{purifier}"),
        maps=shards("detect", "detect/{dataset}/{degradation}/{purifier}/{detector}"),
    output:
        "results/score/{dataset}/{degradation}/{purifier}/{detector}.parquet",
    log:
        "logs/score/{dataset}/{degradation}/{purifier}/{detector}.log",
    benchmark:
        "logs/benchmarks/score/{dataset}/{degradation}/{purifier}/{detector}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        settings=part("score"),
    message:
        "score: {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}, {wildcards.detector}"
    shell:
        "cosalpure score --data results/data/{wildcards.dataset:q}"
        " --images results/purify/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q}"
        " --maps results/detect/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q}/{wildcards.detector:q}"
        " --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.purifier:q} {wildcards.detector:q}"
        " --output {output:q} --settings {params.settings:q} > {log:q} 2>&1"
