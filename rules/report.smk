rule draw_overview:
    input:
        data="results/data/{dataset}/manifest.parquet",
        maps=overview_maps,
    output:
        report(
            "results/report/figures/overview_{dataset}_{degradation}_{detector}.png",
            caption="captions/overview.rst",
            category="Figures",
            labels={"figure": "overview", "data set": "{dataset}", "degradation": "{degradation}", "of": "{detector}"},
        ),
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
        entries=entries,
    message:
        "figure: a group before and after, {wildcards.dataset}, {wildcards.degradation}, {wildcards.detector}"
    shell:
        "cosalpure report overview --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.detector:q}"
        " --purifiers {params.purifiers:q} --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_comparison:
    input:
        compared_scores,
    output:
        report(
            "results/report/figures/{kind}_{dataset}_{degradation}.png",
            caption="captions/comparison.rst",
            category="Figures",
            labels={"figure": "{kind}", "data set": "{dataset}", "degradation": "{degradation}", "of": ""},
        ),
    log:
        "logs/report/{kind}_{dataset}_{degradation}.log",
    benchmark:
        "logs/benchmarks/report/{kind}_{dataset}_{degradation}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        purifiers=compared_purifiers,
        detectors=figure_detectors,
        entries=entries,
    message:
        "figure: {wildcards.kind}, {wildcards.dataset}, {wildcards.degradation}"
    shell:
        "cosalpure report comparison --condition {wildcards.dataset:q} {wildcards.degradation:q}"
        " --purifiers {params.purifiers:q} --detectors {params.detectors:q}"
        " --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_failures:
    input:
        compared_scores,
    output:
        report(
            "results/report/figures/failures_{dataset}_{degradation}_{purifier}.png",
            caption="captions/failures.rst",
            category="Figures",
            labels={"figure": "failures", "data set": "{dataset}", "degradation": "{degradation}", "of": "{purifier}"},
        ),
    log:
        "logs/report/failures_{dataset}_{degradation}_{purifier}.log",
    benchmark:
        "logs/benchmarks/report/failures_{dataset}_{degradation}_{purifier}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        detectors=figure_detectors,
        entries=entries,
    message:
        "figure: where {wildcards.purifier} fails, {wildcards.dataset}, {wildcards.degradation}"
    shell:
        "cosalpure report failures --condition {wildcards.dataset:q} {wildcards.degradation:q}"
        " --purifier {wildcards.purifier:q} --detectors {params.detectors:q}"
        " --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_sweep:
    input:
        scores=sweep_scores,
    output:
        figure=report(
            "results/report/figures/sweep_{sweep}.png",
            caption="captions/sweep.rst",
            category="Figures",
            labels={"figure": "sweep", "data set": "", "degradation": "", "of": "{sweep}"},
        ),
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
        entries=entries,
        seed=SETTINGS.seed,
    message:
        "figure: success rate against {params.label}"
    shell:
        "cosalpure report sweep {input.scores:q} --points {params.points:q} --label {params.label:q}"
        " --settings {params.statistics:q} --entries {params.entries:q} --seed {params.seed} --output {output.figure:q}"
        " > {log:q} 2>&1"


rule draw_concepts:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=shown("degrade", "degrade/{dataset}/{degradation}"),
        concepts=shown("concept", "concept/{dataset}/{degradation}"),
        clean=shown("concept", "concept/{dataset}/{clean}"),
        weights=model_index,
    output:
        report(
            "results/report/figures/concepts_{dataset}_{degradation}_{clean}.png",
            caption="captions/concepts.rst",
            category="Figures",
            labels={
                "figure": "concepts",
                "data set": "{dataset}",
                "degradation": "{degradation}",
                "of": "beside {clean}",
            },
        ),
    log:
        "logs/report/concepts_{dataset}_{degradation}_{clean}.log",
    benchmark:
        "logs/benchmarks/report/concepts_{dataset}_{degradation}_{clean}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        model=part("text_to_image"),
        groups=f"0:{SHOWN}",
        seed=SETTINGS.seed,
    message:
        "figure: learned concepts, {wildcards.dataset}, {wildcards.degradation} beside {wildcards.clean}"
    shell:
        "cosalpure report concepts --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --images results/degrade/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --clean-concepts results/concept/{wildcards.dataset:q}/{wildcards.clean:q}"
        " --concepts results/concept/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --text-to-image {params.model:q} --seed {params.seed} --threads {threads} --output {output:q} > {log:q} 2>&1"


rule draw_attention:
    input:
        data="results/data/{dataset}/manifest.parquet",
        images=shown("purify", "purify/{dataset}/{degradation}/{purifier}"),
        concepts=shown("concept", "concept/{dataset}/{degradation}"),
        weights=model_index,
    output:
        report(
            "results/report/figures/attention_{dataset}_{degradation}_{purifier}.png",
            caption="captions/attention.rst",
            category="Figures",
            labels={
                "figure": "attention",
                "data set": "{dataset}",
                "degradation": "{degradation}",
                "of": "{purifier}",
            },
        ),
    log:
        "logs/report/attention_{dataset}_{degradation}_{purifier}.log",
    benchmark:
        "logs/benchmarks/report/attention_{dataset}_{degradation}_{purifier}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        model=part("text_to_image"),
        groups=f"0:{SHOWN}",
        seed=SETTINGS.seed,
    message:
        "figure: attention to the concepts, {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}"
    shell:
        "cosalpure report attention --data results/data/{wildcards.dataset:q} --groups {params.groups}"
        " --images results/purify/{wildcards.dataset:q}/{wildcards.degradation:q}/{wildcards.purifier:q}"
        " --concepts results/concept/{wildcards.dataset:q}/{wildcards.degradation:q}"
        " --text-to-image {params.model:q} --seed {params.seed} --threads {threads} --output {output:q} > {log:q} 2>&1"


rule build_report:
    input:
        tables=[*table_files(*tables()), "results/tables/scores.parquet"],
        figures=figure_files(),
    output:
        report(
            "results/report/report.html",
            caption="captions/page.rst",
            category="Report",
            labels={"page": "the whole run"},
        ),
    log:
        "logs/report/page.log",
    benchmark:
        "logs/benchmarks/report/page.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1500),
        runtime=longer(30),
    params:
        configuration=lambda wildcards: as_json(SETTINGS),
        entries=entries,
        settings=part("statistics"),
        seed=SETTINGS.seed,
    message:
        "report: one page to open from disk"
    shell:
        "cosalpure report page results --configuration {params.configuration:q} --settings {params.settings:q}"
        " --entries {params.entries:q} --seed {params.seed} --output {output:q} > {log:q} 2>&1"


# Only when asked for, as it needs Chromium: snakemake --cores all screenshots
rule take_screenshot:
    input:
        "results/report/report.html",
    output:
        "results/report/screenshots/{part}.png",
    log:
        "logs/report/screenshot_{part}.log",
    benchmark:
        "logs/benchmarks/report/screenshot_{part}.tsv"
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    message:
        "screenshot of the report: {wildcards.part}"
    shell:
        "cosalpure report screenshot {input:q} --part {wildcards.part:q} --output {output:q} > {log:q} 2>&1"
