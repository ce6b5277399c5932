rule detect_cosaliency:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=lambda wildcards: JOBS.seen_images(*names(wildcards, "purify"), wildcards.span),
        weights=files_of("detectors"),
        method=method_file("detectors"),
    output:
        LAYOUT.shard("detect", *LAYOUT.wildcards("detect"), span="{span}"),
    log:
        LAYOUT.log("detect", *LAYOUT.wildcards("detect"), "{span}"),
    benchmark:
        LAYOUT.benchmark("detect", *LAYOUT.wildcards("detect"), "{span}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(120),
    params:
        code=lambda wildcards: JOBS.code("detect", **wildcards),
        method=method_of("detectors"),
        settings=for_command(settings_of("detectors")),
        compared_settings=settings_of("detectors"),
        averaged=lambda wildcards: JOBS.average_option(*names(wildcards, "purify")),
        data=folder("data"),
        images=folder("purify"),
        output=folder("detect"),
        groups=groups,
    message:
        "detect: {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}, by {wildcards.detector}"
    shell:
        "cosalpure detect {params.method:q} --data {params.data:q} --groups {params.groups}"
        " --images {params.images:q} {params.averaged} --output {params.output:q}"
        " --settings {params.settings:q} --threads {threads} > {log:q} 2>&1"
