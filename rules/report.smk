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
        "cosalpure report overview --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.detector:q}"
        " --purifiers {params.purifiers:q} --output {output:q} > {log:q} 2>&1"


rule draw_sweep:
    input:
        scores=sweep_scores,
    output:
        figure="results/report/figures/sweep_{sweep}.png",
        numbers="results/report/figures/sweep_{sweep}.csv",
    log:
        "logs/report/sweep_{sweep}.log",
    benchmark:
        "logs/benchmarks/report/sweep_{sweep}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        points=sweep_points,
        label=sweep_label,
        statistics=part("statistics"),
        seed=SETTINGS.seed,
    message:
        "figure: success rate against {params.label}"
    shell:
        "cosalpure report sweep {input.scores:q} --points {params.points:q} --label {params.label:q}"
        " --settings {params.statistics:q} --seed {params.seed} --output {output.figure:q} > {log:q} 2>&1"
