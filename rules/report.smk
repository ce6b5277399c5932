rule draw_overview:
    input:
        data=LAYOUT.manifest("{dataset}"),
        maps=lambda wildcards: JOBS.overview_maps(wildcards.dataset, wildcards.degradation, wildcards.detector),
    output:
        report(
            LAYOUT.figure("overview", "{dataset}", "{degradation}", "{detector}"),
            caption="captions/overview.rst",
            category="Figures",
            labels={"figure": "overview", "data set": "{dataset}", "degradation": "{degradation}", "of": "{detector}"},
        ),
    log:
        LAYOUT.log("report", "overview_{dataset}_{degradation}_{detector}"),
    benchmark:
        LAYOUT.benchmark("report", "overview_{dataset}_{degradation}_{detector}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        code=lambda wildcards: JOBS.code("overview"),
        purifiers=lambda wildcards: JOBS.overviews[wildcards.dataset, wildcards.degradation, wildcards.detector],
        entries=entries,
    message:
        "figure: a group before and after, {wildcards.dataset}, {wildcards.degradation}, {wildcards.detector}"
    shell:
        "cosalpure report overview --condition {wildcards.dataset:q} {wildcards.degradation:q} {wildcards.detector:q}"
        " --purifiers {params.purifiers:q} --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_comparison:
    input:
        lambda wildcards: JOBS.figure_scores(**wildcards),
    output:
        report(
            LAYOUT.figure("{kind}", "{dataset}", "{degradation}"),
            caption="captions/comparison.rst",
            category="Figures",
            labels={"figure": "{kind}", "data set": "{dataset}", "degradation": "{degradation}", "of": ""},
        ),
    log:
        LAYOUT.log("report", "{kind}_{dataset}_{degradation}"),
    benchmark:
        LAYOUT.benchmark("report", "{kind}_{dataset}_{degradation}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        code=lambda wildcards: JOBS.code("comparison"),
        purifiers=lambda wildcards: JOBS.figure_purifiers(**wildcards),
        detectors=lambda wildcards: JOBS.figure_detectors(**wildcards),
        entries=entries,
    message:
        "figure: {wildcards.kind}, {wildcards.dataset}, {wildcards.degradation}"
    shell:
        "cosalpure report comparison --condition {wildcards.dataset:q} {wildcards.degradation:q}"
        " --purifiers {params.purifiers:q} --detectors {params.detectors:q}"
        " --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_failures:
    input:
        lambda wildcards: JOBS.figure_scores(**wildcards),
    output:
        report(
            LAYOUT.figure("failures", "{dataset}", "{degradation}", "{purifier}"),
            caption="captions/failures.rst",
            category="Figures",
            labels={"figure": "failures", "data set": "{dataset}", "degradation": "{degradation}", "of": "{purifier}"},
        ),
    log:
        LAYOUT.log("report", "failures_{dataset}_{degradation}_{purifier}"),
    benchmark:
        LAYOUT.benchmark("report", "failures_{dataset}_{degradation}_{purifier}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        code=lambda wildcards: JOBS.code("failures"),
        detectors=lambda wildcards: JOBS.figure_detectors(**wildcards),
        entries=entries,
    message:
        "figure: where {wildcards.purifier} fails, {wildcards.dataset}, {wildcards.degradation}"
    shell:
        "cosalpure report failures --condition {wildcards.dataset:q} {wildcards.degradation:q}"
        " --purifier {wildcards.purifier:q} --detectors {params.detectors:q}"
        " --entries {params.entries:q} --output {output:q} > {log:q} 2>&1"


rule draw_sweep:
    input:
        LAYOUT.table("degradations"),
    output:
        figure=report(
            LAYOUT.figure("sweep", "{sweep}"),
            caption="captions/sweep.rst",
            category="Figures",
            labels={"figure": "sweep", "data set": "", "degradation": "", "of": "{sweep}"},
        ),
        numbers=LAYOUT.figure("sweep", "{sweep}", ending="csv"),
    log:
        LAYOUT.log("report", "sweep_{sweep}"),
    benchmark:
        LAYOUT.benchmark("report", "sweep_{sweep}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        code=lambda wildcards: JOBS.code("sweep"),
        points=lambda wildcards: [str(its) for its in EXPERIMENT.sweeps[wildcards.sweep].points],
        label=lambda wildcards: EXPERIMENT.sweeps[wildcards.sweep].label,
        entries=entries,
    message:
        "figure: success rate against {params.label}"
    shell:
        "cosalpure report sweep {input:q} --points {params.points:q} --label {params.label:q}"
        " --entries {params.entries:q} --output {output.figure:q} > {log:q} 2>&1"


rule draw_concepts:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=shards("degrade", SHOWN),
        concepts=shards("concept", SHOWN),
        clean=lambda wildcards: JOBS.shards("concept", wildcards.dataset, wildcards.clean, span=SHOWN),
        weights=JOBS.model_index(),
    output:
        report(
            LAYOUT.figure("concepts", "{dataset}", "{degradation}", "{clean}"),
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
        LAYOUT.log("report", "concepts_{dataset}_{degradation}_{clean}"),
    benchmark:
        LAYOUT.benchmark("report", "concepts_{dataset}_{degradation}_{clean}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        code=lambda wildcards: JOBS.code("concepts"),
        model=for_command(part("text_to_image")),
        compared_model=part("text_to_image"),
        data=folder("data"),
        images=folder("degrade"),
        concepts=folder("concept"),
        clean=lambda wildcards: LAYOUT.stage("concept", wildcards.dataset, wildcards.clean),
        groups=span_option(SHOWN),
        settings=part("concept_figures"),
        seed=EXPERIMENT.seed,
    message:
        "figure: learned concepts, {wildcards.dataset}, {wildcards.degradation} beside {wildcards.clean}"
    shell:
        "cosalpure report concepts --data {params.data:q} --groups {params.groups} --images {params.images:q}"
        " --clean-concepts {params.clean:q} --concepts {params.concepts:q}"
        " --text-to-image {params.model:q} --settings {params.settings:q} --seed {params.seed} --threads {threads}"
        " --output {output:q} > {log:q} 2>&1"


rule draw_attention:
    input:
        data=LAYOUT.manifest("{dataset}"),
        images=shards("purify", SHOWN),
        concepts=shards("concept", SHOWN),
        weights=JOBS.model_index(),
    output:
        report(
            LAYOUT.figure("attention", "{dataset}", "{degradation}", "{purifier}"),
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
        LAYOUT.log("report", "attention_{dataset}_{degradation}_{purifier}"),
    benchmark:
        LAYOUT.benchmark("report", "attention_{dataset}_{degradation}_{purifier}")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=grown(2000),
        runtime=longer(60),
    params:
        code=lambda wildcards: JOBS.code("attention"),
        model=for_command(part("text_to_image")),
        compared_model=part("text_to_image"),
        data=folder("data"),
        images=folder("purify"),
        concepts=folder("concept"),
        groups=span_option(SHOWN),
        settings=part("concept_figures"),
        seed=EXPERIMENT.seed,
    message:
        "figure: attention to the concepts, {wildcards.dataset}, {wildcards.degradation}, {wildcards.purifier}"
    shell:
        "cosalpure report attention --data {params.data:q} --groups {params.groups} --images {params.images:q}"
        " --concepts {params.concepts:q}"
        " --text-to-image {params.model:q} --settings {params.settings:q} --seed {params.seed} --threads {threads}"
        " --output {output:q} > {log:q} 2>&1"


rule build_report:
    input:
        tables=[*JOBS.table_files(*JOBS.tables), LAYOUT.scores],
        figures=JOBS.figures(),
        records=[
            *JOBS.manifests(),
            *(shard for stage in ("degrade", "purify", "detect") for shard in JOBS.all_shards(stage)),
            *JOBS.concept_shards(),
            *JOBS.scores(),
        ],
    output:
        report(
            LAYOUT.page,
            caption="captions/page.rst",
            category="Report",
            labels={"page": "the whole run"},
        ),
    log:
        LAYOUT.log("report", "page"),
    benchmark:
        LAYOUT.benchmark("report", "page")
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1500),
        runtime=longer(30),
    params:
        code=lambda wildcards: JOBS.code("page"),
        configuration=lambda wildcards, output: EXPERIMENT.text,  # not compared, as it takes `output`
        compared_configuration=lambda wildcards: EXPERIMENT.result_text,
        results=lambda wildcards: LAYOUT.results,
        # one word, since an empty one would be left out
        figures=lambda wildcards: f"--figures={','.join(Path(its).name for its in JOBS.figures() + JOBS.concept_figures())}",
        entries=entries,
        settings=part("statistics"),
        seed=EXPERIMENT.seed,
    message:
        "report: one page to open from disk"
    shell:
        "cosalpure report page {params.results} --configuration {params.configuration:q} --settings {params.settings:q}"
        " {params.figures:q} --entries {params.entries:q} --seed {params.seed} --output {output:q} > {log:q} 2>&1"


# Only when asked for, as it needs Chromium: snakemake --cores all screenshots
rule take_screenshot:
    input:
        LAYOUT.page,
    output:
        LAYOUT.screenshot("{part}", "{width}", "{colours}"),
    log:
        LAYOUT.log("report", "screenshot_{part}_{width}_{colours}"),
    benchmark:
        LAYOUT.benchmark("report", "screenshot_{part}_{width}_{colours}")
    wildcard_constraints:
        width=r"\d+",
        colours="light|dark",
    conda:
        "../envs/cosalpure.yaml"
    threads: 1
    resources:
        mem_mb=grown(1000),
        runtime=longer(10),
    params:
        dark=lambda wildcards: "--dark" if wildcards.colours == "dark" else "",
    message:
        "screenshot of the report: {wildcards.part}, {wildcards.width} px, {wildcards.colours}"
    shell:
        "cosalpure report screenshot {input:q} --part {wildcards.part:q} --width {wildcards.width} {params.dark}"
        " --output {output:q} > {log:q} 2>&1"
