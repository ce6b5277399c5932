# Three spellings of a job with two GPUs: each adds a line to its file whenever its program is started.
SPELLINGS = {"gpu": {"gpu": 2}, "model": {"gpu": 2, "gpu_model": "fake"}, "gres": {"gpu": 0, "gres": "gpu:2"}}


rule all:
    input:
        expand("{spelling}.done", spelling=SPELLINGS),


for SPELLING, RESOURCES in SPELLINGS.items():

    rule:
        name:
            SPELLING
        output:
            f"{SPELLING}.done",
        resources:
            **RESOURCES,
        shell:
            "echo ${{CUDA_VISIBLE_DEVICES:-}} >> {rule}.seen; touch {output}"
