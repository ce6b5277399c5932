rule degrade_images:
    input:
        data=LAYOUT.manifest("{dataset}"),
        concepts=lambda wildcards: JOBS.concepts_known(*names(wildcards, "degrade"), wildcards.span),
        weights=lambda wildcards: JOBS.weights(wildcards.degradation, "degradations"),
        method=method_file("degradations"),
    output:
        LAYOUT.shard("degrade", *LAYOUT.wildcards("degrade"), span="{span}"),
    log:
        LAYOUT.log("degrade", *LAYOUT.wildcards("degrade"), "{span}"),
    benchmark:
        LAYOUT.benchmark("degrade", *LAYOUT.wildcards("degrade"), "{span}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(120),
    params:
        code=lambda wildcards: JOBS.code("degrade", **wildcards),
        method=method_of("degradations"),
        settings=for_command(settings_of("degradations")),
        compared_settings=settings_of("degradations"),
        model=lambda wildcards, output: JOBS.model_text(wildcards.degradation, True, "degradations"),  # not compared
        compared_model=lambda wildcards: JOBS.model_text(wildcards.degradation, False, "degradations"),
        concepts=lambda wildcards: JOBS.known_option(*names(wildcards, "degrade")),
        data=folder("data"),
        output=folder("degrade"),
        groups=groups,
        seed=seed,
    message:
        "degrade: {wildcards.dataset} by {wildcards.degradation}, groups {params.groups}"
    shell:
        "cosalpure degrade {params.method:q} --data {params.data:q} --groups {params.groups} {params.concepts}"
        " --output {params.output:q} --settings {params.settings:q} --text-to-image {params.model:q}"
        " --seed {params.seed} --threads {threads} > {log:q} 2>&1"
