"""The paper's tables and figures from the rows of metrics.

Needs results/{dataset}/{split}/scores and the estimates. Makes results/{dataset}_{table}.csv (of music Table 5 and 3, of
images Table 2 and 3), each with a figure and its settings; results/{dataset}_separations.png and
results/{dataset}_examples, to look at and to listen to; results/{dataset}_{table}.html, a page with all of this; and of the
rows of all data sets results/density.csv (Table 1), results/priors.csv and results/timing.csv (Table 4). Rules:
tabulate_scores, show_separations, draw_page, gather_tables.
"""


rule tabulate_scores:
    input:
        scores=scores_of_table,
        estimates=estimates_of_table,
        seconds=seconds_of_table,
    output:
        table="results/{dataset}_{table}.csv",
        figure=report("results/{dataset}_{table}.png", caption="../report/scores.rst", category="{dataset}"),
        made="results/{dataset}_{table}.json",
    log:
        "results/logs/tabulate_scores/{dataset}_{table}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        metric=of_dataset("metric"),
        classes=of_dataset("source_classes"),
        split=lambda wildcards: dataset_of(wildcards).tables[wildcards.table].split,
        timed=lambda wildcards: dataset_of(wildcards).tables[wildcards.table].seconds,
        config=settings_behind,
        code=code("tabulate_scores"),
    script:
        "../scripts/tabulate_scores.py"


rule show_separations:
    input:
        sources="results/{dataset}/sources/test",
        mixtures="results/{dataset}/mixtures/test.parquet",
        estimates=pictured_estimates,
    output:
        figure=report(
            "results/{dataset}_separations.png",
            caption="../report/separations.rst",
            category="{dataset}",
        ),
        examples=directory("results/{dataset}_examples"),
    log:
        "results/logs/show_separations/{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
    params:
        library=library,
        metric=of_dataset("metric"),
        medium=of_dataset("medium"),
        labels=labels_of_pictured,
        pictures=of_dataset("pictures"),
        examples=settings.evaluation.examples,
        code=code("show_separations"),
    script:
        "../scripts/show_separations.py"


rule draw_page:
    input:
        unpack(mixtures_of_table),
        table="results/{dataset}_{table}.csv",
        made="results/{dataset}_{table}.json",
        scores=scores_of_table,
        estimates=pictured_estimates_of_table,
    output:
        page=report("results/{dataset}_{table}.html", caption="../report/page.rst", category="{dataset}"),
    log:
        "results/logs/draw_page/{dataset}_{table}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
    params:
        job=asked(lambda dataset, wildcards: dataset.page_job(wildcards.table)),
        examples=settings.evaluation.examples,
        code=code("draw_page"),
    script:
        "../scripts/draw_page.py"


rule gather_tables:
    input:
        tables=tables_of_all,
    output:
        table="results/{table}.csv",
    log:
        "results/logs/gather_tables/{table}.log",
    wildcard_constraints:
        table="density|priors|timing|sdr|psnr",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        code=code("gather_tables"),
    script:
        "../scripts/gather_tables.py"
