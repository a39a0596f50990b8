"""Rows of metrics: of audio one per mixture and source, of images one per mixture.

Needs the estimates of a method and the true sources. Makes results/{dataset}/{split}/scores/{method}/{shard}.csv, and of
a table of audio results/{dataset}_{table}_failures.csv. Rules: score_estimates, tabulate_failures.
"""


rule score_estimates:
    input:
        unpack(candidates_behind),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
        estimates="results/{dataset}/{split}/{method}/{scatteritem}.safetensors",
    output:
        scores="results/{dataset}/{split}/scores/{method}/{scatteritem}.csv",
    log:
        "results/logs/score_estimates/{dataset}/{split}/{method}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/score_estimates/{dataset}/{split}/{method}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        library=library,
        metric=of_dataset("metric"),
        labels=asked(lambda dataset, wildcards: dataset.labels(wildcards.method)),
        positions=of_dataset("tokens"),
        code=code("score_estimates"),
    script:
        "../scripts/score_estimates.py"


rule tabulate_failures:
    input:
        unpack(mixtures_of_table),
        estimates=estimates_of_table,
        scores=scores_of_table,
    output:
        table="results/{dataset}_{table}_failures.csv",
        made="results/{dataset}_{table}_failures.json",
    log:
        "results/logs/tabulate_failures/{dataset}_{table}.log",
    wildcard_constraints:
        dataset=AUDIO,
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        library=library,
        metric=of_dataset("metric"),
        labels=asked(
            lambda dataset, wildcards: {
                row: dataset.labels(row) for row in dataset.tables[wildcards.table].rows
            }
        ),
        config=settings_behind,
        code=code("tabulate_failures"),
    script:
        "../scripts/tabulate_failures.py"
