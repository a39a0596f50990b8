"""Rows of metrics: of audio one per mixture and source, of images one per mixture.

Needs the estimates of a method and the true sources. Makes results/{dataset}/{split}/scores/{method}/{shard}.csv.
Rule: score_estimates.
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
