rule draw_overview:
    input:
        data="results/data/{dataset}/manifest.parquet",
        maps=overview_maps,
    output:
        "results/report/figures/overview_{dataset}_{degradation}_{detector}.png",
    log:
        "logs/report/overview_{dataset}_{degradation}_{detector}.log",
    benchmark:
        "logs/benchmarks/report/overview_{dataset}_{degradation}_{detector}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        purifiers=overview_purifiers,
    message:
        "figure: a group before and after, {wildcards.dataset}, {wildcards.degradation}, {wildcards.detector}"
    shell:
        "cosalpure report --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.detector:q}"
        " --purifiers {params.purifiers:q} --output {output:q} > {log:q} 2>&1"
