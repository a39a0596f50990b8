"""Rows of metrics: of music one per mixture and source, of images one per mixture.

Needs the estimates of a method and the true sources. Makes results/{dataset}/{split}/scores/{method}/{shard}.csv.
Rules: score_separations, score_images.
"""


rule score_separations:
    input:
        unpack(separated_codes),
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
        estimates="results/slakh/{split}/{method}/{scatteritem}.safetensors",
    output:
        scores="results/slakh/{split}/scores/{method}/{scatteritem}.csv",
    log:
        "results/logs/score_separations/{split}/{method}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/score_separations/{split}/{method}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        library=library,
        window=settings.evaluation.window,
        kinds=kinds,
        positions=settings.tokens_per_mixture,
        code=code("score_separations"),
    script:
        "../scripts/score_separations.py"


rule score_images:
    input:
        sources="results/{images}/sources/{split}",
        mixtures="results/{images}/mixtures/{split}.parquet",
        estimates="results/{images}/{split}/{method}/{scatteritem}.safetensors",
    output:
        scores="results/{images}/{split}/scores/{method}/{scatteritem}.csv",
    log:
        "results/logs/score_images/{images}/{split}/{method}/{scatteritem}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        library=library,
        kinds=lambda wildcards: image_kinds(wildcards, wildcards.method),
        code=code("score_images"),
    script:
        "../scripts/score_images.py"
