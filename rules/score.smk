rule score_maps:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=shards("purify"),
        maps=shards("detect"),
    output:
        LAYOUT.score(*LAYOUT.wildcards("score")),
    log:
        LAYOUT.log("score", *LAYOUT.wildcards("score")),
    benchmark:
        LAYOUT.benchmark("score", *LAYOUT.wildcards("score"))
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("score", **wildcards),
        settings=part("score"),
        data=folder("data"),
        images=folder("purify"),
        maps=folder("detect"),
    message:
        "score: {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}, {wildcards.detector}"
    shell:
        "cosalpure score --data {params.data:q} --images {params.images:q} --maps {params.maps:q}"
        " --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.purifier:q} {wildcards.detector:q}"
        " --output {output:q} --settings {params.settings:q} > {log:q} 2>&1"


# Not part of a plain run: snakemake --cores all dataset_curves
rule measure_curves:
    input:
        data=LAYOUT.manifest("{dataset}"),
        maps=shards("detect"),
    output:
        LAYOUT.curves(*LAYOUT.wildcards("score")),
    log:
        LAYOUT.log("curves", *LAYOUT.wildcards("score")),
    benchmark:
        LAYOUT.benchmark("curves", *LAYOUT.wildcards("score"))
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(30),
    params:
        code=JOBS.code("curves"),
        settings=part("score"),
        data=folder("data"),
        maps=folder("detect"),
    message:
        "curves: {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}, {wildcards.detector}"
    shell:
        "cosalpure curves measure --data {params.data:q} --maps {params.maps:q}"
        " --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.purifier:q} {wildcards.detector:q}"
        " --output {output:q} --settings {params.settings:q} > {log:q} 2>&1"
