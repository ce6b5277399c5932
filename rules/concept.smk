rule learn_concepts:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=shards("degrade"),
        weights=JOBS.model_index(),
    output:
        LAYOUT.shard("concept", *LAYOUT.wildcards("concept"), span="{span}"),
    log:
        LAYOUT.log("concept", *LAYOUT.wildcards("concept"), "{span}"),
    benchmark:
        LAYOUT.benchmark("concept", *LAYOUT.wildcards("concept"), "{span}")
    priority: 1  # the longest jobs, and CosalPure waits for them: before other purifiers, else a core idles at the end
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(240),
    params:
        code=lambda wildcards: JOBS.code("concept", **wildcards),
        settings=lambda wildcards, output: EXPERIMENT.concept_of(wildcards.degradation).as_json(),  # not compared
        compared_settings=lambda wildcards: EXPERIMENT.concept_of(wildcards.degradation).as_json(speed=False),
        model=for_command(part("text_to_image")),
        compared_model=part("text_to_image"),
        data=folder("data"),
        images=folder("degrade"),
        output=folder("concept"),
        groups=groups,
        seed=seed,
    message:
        "concept: {wildcards.dataset}, {wildcards.degradation}, groups {params.groups}"
    shell:
        "cosalpure concept --data {params.data:q} --groups {params.groups} --images {params.images:q} --output {params.output:q}"
        " --settings {params.settings:q} --text-to-image {params.model:q}"
        " --seed {params.seed} --threads {threads} > {log:q} 2>&1"


# Not part of a plain run: snakemake --cores all words
rule measure_words:
    input:
        data=LAYOUT.manifest("{dataset}"),
        concepts=shards("concept"),
        weights=JOBS.model_index(),
    output:
        LAYOUT.words(*LAYOUT.wildcards("concept")),
    log:
        LAYOUT.log("words", *LAYOUT.wildcards("concept")),
    benchmark:
        LAYOUT.benchmark("words", *LAYOUT.wildcards("concept"))
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("words"),
        model=for_command(part("text_to_image")),
        compared_model=part("text_to_image"),
        data=folder("data"),
        concepts=folder("concept"),
    message:
        "words: {wildcards.dataset}, {wildcards.degradation}"
    shell:
        "cosalpure words measure --data {params.data:q} --concepts {params.concepts:q}"
        " --condition {wildcards.dataset:q} {wildcards.degradation:q} --output {output:q}"
        " --text-to-image {params.model:q} --threads {threads} > {log:q} 2>&1"
