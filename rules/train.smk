# Training of the shipped models, only when asked for (docs/training.md):
#   snakemake --cores 2 models                                          all of them, in order
#   snakemake --cores 2 models --config training='{minutes: 60}'        the same in an hour
#   snakemake --cores 2 results/models/gicd.safetensors                 one
# A killed training resumes from its checkpoint, which lies beside the output. A finished model takes its place by
# hand: copy it to resources/mini/, where the configuration points.
from cosalpure.train import MINUTES
from cosalpure.train import options as training_options

try:
    HOW = {model: training_options(model, TRAINING) for model in MINUTES}
except UserError as error:
    sys.exit(f"cosalpure: {error}")

TRAINING_GPUS = 1 if TRAINING.get("device") == "cuda" else 0


rule train_network:
    input:  # the continuous representation is trained against the new surrogate
        classifier=lambda wildcards: ["results/models/resneta50b.safetensors"] if wildcards.network == "liif" else [],
    output:
        "results/models/{network}.safetensors",
    log:
        "logs/train/{network}.log",
    benchmark:
        "logs/benchmarks/train/{network}.tsv"
    wildcard_constraints:
        network="gicd|gcagc|poolnet|resneta50b|adm|liif",
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(240),
    params:
        model=lambda wildcards: {"resneta50b": "surrogate"}.get(wildcards.network, wildcards.network),
        how=lambda wildcards: HOW[{"resneta50b": "surrogate"}.get(wildcards.network, wildcards.network)],
        settings=lambda wildcards, input: f"--settings '{{classifier: {input[0]}}}'" if input else "",
    message:
        "train: {wildcards.network}"
    shell:
        "cosalpure train {params.model} --output {output:q} {params.settings} {params.how}"
        " --threads {threads} > {log:q} 2>&1"


# The same training with the settings of config/train/NETWORK-NAME.yaml, for example results/models/liif-imagenet.safetensors
rule train_network_configured:
    input:
        settings="config/train/{network}-{variant}.yaml",
        weights=training_weights,
    output:
        "results/models/{network}-{variant}.safetensors",
    log:
        "logs/train/{network}-{variant}.log",
    benchmark:
        "logs/benchmarks/train/{network}-{variant}.tsv"
    wildcard_constraints:
        network="gicd|gcagc|poolnet|liif",
        variant="[a-z0-9-]+",
    conda:
        "../envs/cosalpure.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=grown(16000),
        runtime=longer(1440),
    params:  # a time budget is for the small models: here the settings file says how long
        how=lambda wildcards: training_options(
            wildcards.network, {key: value for key, value in TRAINING.items() if key != "minutes"}
        ),
    message:
        "train: {wildcards.network} as in {input.settings}"
    shell:
        "cosalpure train {wildcards.network} --output {output:q} --settings-file {input.settings:q}"
        " {params.how} --threads {threads} > {log:q} 2>&1"


rule train_text_encoder:
    output:
        "results/models/text-encoder/metrics.json",
    log:
        "logs/train/text-encoder.log",
    benchmark:
        "logs/benchmarks/train/text-encoder.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(120),
    params:
        how=HOW["text-encoder"],
    message:
        "train: text encoder, a small CLIP"
    shell:
        "cosalpure train text-encoder --output results/models/text-encoder {params.how}"
        " --threads {threads} > {log:q} 2>&1"


rule train_autoencoder:
    output:
        "results/models/autoencoder/metrics.json",
    log:
        "logs/train/autoencoder.log",
    benchmark:
        "logs/benchmarks/train/autoencoder.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(240),
    params:
        how=HOW["autoencoder"],
    message:
        "train: autoencoder"
    shell:
        "cosalpure train autoencoder --output results/models/autoencoder {params.how}"
        " --threads {threads} > {log:q} 2>&1"


rule train_text_to_image:
    input:
        text_encoder="results/models/text-encoder/metrics.json",
        autoencoder="results/models/autoencoder/metrics.json",
    output:
        "results/models/text-to-image/final/model_index.json",
    log:
        "logs/train/text-to-image.log",
    benchmark:
        "logs/benchmarks/train/text-to-image.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(4000),
        runtime=longer(480),
    params:
        how=HOW["text-to-image"],
    message:
        "train: text-to-image model"
    shell:
        "cosalpure train text-to-image --output results/models/text-to-image"
        " --text-encoder results/models/text-encoder --autoencoder results/models/autoencoder {params.how}"
        " --threads {threads} > {log:q} 2>&1"


rule measure_gate:
    input:
        model="results/models/text-to-image/final/model_index.json",
        recogniser="results/models/text-encoder/metrics.json",
    output:
        "results/models/gate/gate.json",
    log:
        "logs/train/gate.log",
    benchmark:
        "logs/benchmarks/train/gate.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(2000),
        runtime=longer(60),
    message:
        "gate: does the text-to-image model hear its text?"
    shell:
        "cosalpure gate results/models/text-to-image/final --recogniser results/models/text-encoder"
        " --output results/models/gate --threads {threads} > {log:q} 2>&1"
