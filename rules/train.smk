# Training of the shipped models, only when asked for: snakemake --cores 2 results/models/gicd.safetensors
# A finished model takes its place by hand: copy it to resources/mini/, where the configuration points.

rule train_network:
    output:
        "results/models/{network}.safetensors",
    log:
        "logs/train/{network}.log",
    conda:
        "../envs/cosalpure.yaml"
    benchmark:
        "logs/benchmarks/train/{network}.tsv"
    wildcard_constraints:
        network="gicd|resneta50b",
    threads: 1
    resources:
        mem_mb=grown(3000),
        runtime=longer(240),
    params:
        model=lambda wildcards: {"resneta50b": "surrogate"}.get(wildcards.network, wildcards.network),
    message:
        "train: {wildcards.network}"
    shell:
        "cosalpure train {params.model} --output {output:q} --threads {threads} > {log:q} 2>&1"


rule train_text_encoder:
    output:
        directory("results/models/text-encoder"),
    log:
        "logs/train/text-encoder.log",
    conda:
        "../envs/cosalpure.yaml"
    benchmark:
        "logs/benchmarks/train/text-encoder.tsv"
    threads: 1
    resources:
        mem_mb=grown(3000),
        runtime=longer(120),
    message:
        "train: text encoder, a small CLIP"
    shell:
        "cosalpure train text-encoder --output {output:q} --threads {threads} > {log:q} 2>&1"


rule train_autoencoder:
    output:
        directory("results/models/autoencoder"),
    log:
        "logs/train/autoencoder.log",
    conda:
        "../envs/cosalpure.yaml"
    benchmark:
        "logs/benchmarks/train/autoencoder.tsv"
    threads: 1
    resources:
        mem_mb=grown(3000),
        runtime=longer(240),
    message:
        "train: autoencoder"
    shell:
        "cosalpure train autoencoder --output {output:q} --threads {threads} > {log:q} 2>&1"


rule train_text_to_image:
    input:
        text_encoder="results/models/text-encoder",
        autoencoder="results/models/autoencoder",
    output:
        directory("results/models/text-to-image"),
    log:
        "logs/train/text-to-image.log",
    conda:
        "../envs/cosalpure.yaml"
    benchmark:
        "logs/benchmarks/train/text-to-image.tsv"
    threads: 1
    resources:
        mem_mb=grown(4000),
        runtime=longer(480),
    message:
        "train: text-to-image model"
    shell:
        "cosalpure train text-to-image --output {output:q} --text-encoder {input.text_encoder:q}"
        " --autoencoder {input.autoencoder:q} --threads {threads} > {log:q} 2>&1"


rule measure_gate:
    input:
        model="results/models/text-to-image",
        recogniser="results/models/text-encoder",
    output:
        directory("results/models/gate"),
    log:
        "logs/train/gate.log",
    conda:
        "../envs/cosalpure.yaml"
    benchmark:
        "logs/benchmarks/train/gate.tsv"
    threads: 1
    resources:
        mem_mb=grown(2000),
        runtime=longer(60),
    message:
        "gate: does the text-to-image model hear its text?"
    shell:
        "cosalpure gate {input.model:q}/pipeline --recogniser {input.recogniser:q} --output {output:q}"
        " --threads {threads} > {log:q} 2>&1"
