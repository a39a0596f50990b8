"""One row of metrics per mixture and source.

Needs the estimates of a method and the true sources. Makes results/slakh/{split}/scores/{method}/{shard}.csv.
Rule: score_separations.
"""


rule score_separations:
    input:
        unpack(separated_codes),
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
        audio="results/slakh/{split}/{method}/{scatteritem}",
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
