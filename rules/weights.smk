# A configuration that names weights/FILE, a file or folder of cosalpure/assets/sources.csv, has it fetched. Where compute nodes
# are offline: snakemake --cores 1 weights/FILE on the login node, or `cosalpure weights fetch NAME`.
localrules:
    fetch_weights,


rule fetch_weights:
    output:
        # what is there, perhaps gigabytes put there by hand, is checked, never removed
        update("weights/{published}"),
    log:
        LAYOUT.log("weights", "{published}"),
    conda:
        "../envs/cosalpure.yaml"
    params:
        name=lambda wildcards: PUBLISHED[wildcards.published],
        sources=sources_option,
    message:
        "weights: fetching {params.name}"
    shell:
        "cosalpure weights fetch {params.name:q} {params.sources} 2>&1 | tee {log:q}"
