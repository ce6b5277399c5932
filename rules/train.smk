# Training of the shipped models, only when asked for (docs/how-to/training.md):
#   snakemake --cores 2 models                                          all of them, in order
#   snakemake --cores 2 models --config training='{minutes: 60}'        the same in an hour
#   snakemake --cores 2 results/models/gicd.safetensors                 one
# A killed training resumes from its checkpoint, which lies beside the output. A finished model takes its place by
# hand: copy it to cosalpure/assets/mini/, where the configuration points.
from cosalpure.train import NETWORKS
from cosalpure.train import code as training_code
from cosalpure.train import options as training_options
from cosalpure.train import options_of_all

HOW = or_exit(options_of_all, TRAINING)  # options of each training, by the name that its command has
TRAINING_GPUS = 1 if TRAINING.get("device") == "cuda" else 0


rule train_network:
    input:
        # the continuous representation is trained against the new surrogate
        lambda wildcards: LAYOUT.model("resneta50b.safetensors") if wildcards.network == "liif" else [],
    output:
        LAYOUT.model("{network}.safetensors"),
    log:
        LAYOUT.log("train", "{network}"),
    benchmark:
        LAYOUT.benchmark("train", "{network}")
    wildcard_constraints:
        network="|".join(NETWORKS),
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(240),
    params:
        code=lambda wildcards: training_code(wildcards.network),
        model=lambda wildcards: NETWORKS[wildcards.network],
        how=lambda wildcards: HOW[NETWORKS[wildcards.network]],
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
        files=lambda wildcards: training_files(f"{wildcards.network}-{wildcards.variant}"),
    output:
        LAYOUT.model("{network}-{variant}.safetensors"),
    log:
        LAYOUT.log("train", "{network}-{variant}"),
    benchmark:
        LAYOUT.benchmark("train", "{network}-{variant}")
    wildcard_constraints:
        network="|".join(NETWORKS),
        variant="[a-z0-9-]+",
    conda:
        "../envs/cosalpure.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=grown(16000),
        runtime=longer(1440),
    params:  # a time budget is for the small models: here the settings file says how long
        code=lambda wildcards: training_code(wildcards.network),
        model=lambda wildcards: NETWORKS[wildcards.network],
        how=lambda wildcards: training_options(
            NETWORKS[wildcards.network], {key: value for key, value in TRAINING.items() if key != "minutes"}
        ),
    message:
        "train: {wildcards.network} as in {input.settings}"
    shell:
        "cosalpure train {params.model} --output {output:q} --settings-file {input.settings:q}"
        " {params.how} --threads {threads} > {log:q} 2>&1"


rule train_text_encoder:
    output:
        LAYOUT.model("text-encoder/metrics.json"),
    log:
        LAYOUT.log("train", "text-encoder"),
    benchmark:
        LAYOUT.benchmark("train", "text-encoder")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(120),
    params:
        code=lambda wildcards: training_code("text-encoder"),
        how=HOW["text-encoder"],
        output=lambda wildcards, output: Path(output[0]).parent,
    message:
        "train: text encoder, a small CLIP"
    shell:
        "cosalpure train text-encoder --output {params.output} {params.how}" " --threads {threads} > {log:q} 2>&1"


rule train_autoencoder:
    output:
        LAYOUT.model("autoencoder/metrics.json"),
    log:
        LAYOUT.log("train", "autoencoder"),
    benchmark:
        LAYOUT.benchmark("train", "autoencoder")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(3000),
        runtime=longer(240),
    params:
        code=lambda wildcards: training_code("autoencoder"),
        how=HOW["autoencoder"],
        output=lambda wildcards, output: Path(output[0]).parent,
    message:
        "train: autoencoder"
    shell:
        "cosalpure train autoencoder --output {params.output} {params.how}" " --threads {threads} > {log:q} 2>&1"


rule train_text_to_image:
    input:
        text_encoder=LAYOUT.model("text-encoder/metrics.json"),
        autoencoder=LAYOUT.model("autoencoder/metrics.json"),
        settings=["config/train/text-to-image-gpu.yaml"] if TRAINING_GPUS else [],
    output:
        LAYOUT.model("text-to-image/final/model_index.json"),
    log:
        LAYOUT.log("train", "text-to-image"),
    benchmark:
        LAYOUT.benchmark("train", "text-to-image")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=TRAINING_GPUS,
        mem_mb=grown(4000),
        runtime=longer(480),
    params:
        code=lambda wildcards: training_code("text-to-image"),
        how=HOW["text-to-image"],
        text_encoder=lambda wildcards, input: Path(input.text_encoder).parent,
        autoencoder=lambda wildcards, input: Path(input.autoencoder).parent,
        output=lambda wildcards, output: Path(output[0]).parents[1],
        settings=lambda wildcards, input: f"--settings-file {input.settings}" if input.settings else "",
    message:
        "train: text-to-image model"
    shell:
        "cosalpure train text-to-image --output {params.output}"
        " --text-encoder {params.text_encoder} --autoencoder {params.autoencoder} {params.settings} {params.how}"
        " --threads {threads} > {log:q} 2>&1"


rule measure_gate:
    input:
        model=LAYOUT.model("text-to-image/final/model_index.json"),
        recogniser=LAYOUT.model("text-encoder/metrics.json"),
    output:
        LAYOUT.model("gate/gate.json"),
    log:
        LAYOUT.log("train", "gate"),
    benchmark:
        LAYOUT.benchmark("train", "gate")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        code=lambda wildcards: JOBS.code("gate"),
        model=lambda wildcards, input: Path(input.model).parent,
        recogniser=lambda wildcards, input: Path(input.recogniser).parent,
        output=lambda wildcards, output: Path(output[0]).parent,
    message:
        "acceptance check: does the text-to-image model follow the prompt?"
    shell:
        "cosalpure train check {params.model} --recogniser {params.recogniser} --output {params.output} --threads {threads} > {log:q} 2>&1"
