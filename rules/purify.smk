rule purify_images:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=shards("degrade"),
        concepts=lambda wildcards: JOBS.concepts_read(*names(wildcards, "purify"), wildcards.span),
        weights=lambda wildcards: JOBS.weights(wildcards.purifier),
        method=method_file("purifiers"),
    output:
        LAYOUT.shard("purify", *LAYOUT.wildcards("purify"), span="{span}"),
    log:
        LAYOUT.log("purify", *LAYOUT.wildcards("purify"), "{span}"),
    benchmark:
        LAYOUT.benchmark("purify", *LAYOUT.wildcards("purify"), "{span}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(240),
    params:
        code=lambda wildcards: JOBS.code("purify", **wildcards),
        method=method_of("purifiers"),
        settings=for_command(settings_of("purifiers")),
        compared_settings=settings_of("purifiers"),
        model=lambda wildcards, output: JOBS.model_text(wildcards.purifier, speed=True),  # not compared, as it takes `output`
        compared_model=lambda wildcards: JOBS.model_text(wildcards.purifier, speed=False),
        # with the number of draws: under another name finished jobs would run again
        concepts=lambda wildcards: JOBS.concepts_option(*names(wildcards, "purify"))
        + JOBS.draws_option(wildcards.degradation, wildcards.purifier),
        data=folder("data"),
        images=folder("degrade"),
        output=folder("purify"),
        groups=groups,
        seed=seed,
    message:
        "purify: {wildcards.dataset}, {wildcards.degradation}, by {wildcards.purifier}, groups {params.groups}"
    shell:
        "cosalpure purify {params.method:q} --data {params.data:q} --groups {params.groups}"
        " --images {params.images:q} {params.concepts} --output {params.output:q}"
        " --settings {params.settings:q} --text-to-image {params.model:q}"
        " --seed {params.seed} --threads {threads} > {log:q} 2>&1"
