"""Counts of tuples (z_1, ..., z_N, m) to the sparse likelihood p(m | z_1..z_N), and its density (Table 1).

Needs the sources, their tokens and the VQ-VAE. Scatter: count one shard of the tuples. Gather: merge the shards into
results/slakh/likelihood.safetensors. Rules: count_tuples, merge_counts, measure_density.
"""


rule count_tuples:
    input:
        sources="results/slakh/sources/train",
        tokens=gather.tokens("results/slakh/tokens/train/{scatteritem}.parquet"),
        vqvae=vqvae,
    output:
        counts="results/slakh/counts/{scatteritem}.safetensors",
    log:
        "results/logs/count_tuples/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/count_tuples/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library(),
        weights=settings.weights,
        tuples=settings.likelihood.tuples,
        group={
            "tokens": settings.likelihood.tokens,
            "mixtures": settings.likelihood.mixtures_per_group,
        },
        seed=settings.seed,
        codec=codec(),
        code=code("count_tuples"),
    script:
        "../scripts/count_tuples.py"


rule merge_counts:
    input:
        counts=gather.counts("results/slakh/counts/{scatteritem}.safetensors"),
    output:
        likelihood="results/slakh/likelihood.safetensors",
    log:
        "results/logs/merge_counts.log",
    benchmark:
        "results/benchmarks/rules/merge_counts.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code("merge_counts"),
    script:
        "../scripts/merge_counts.py"


rule measure_density:
    input:
        sources="results/slakh/sources/validation",
        tokens=gather.tokens("results/slakh/tokens/validation/{scatteritem}.parquet"),
        vqvae=vqvae,
        likelihood="results/slakh/likelihood.safetensors",
    output:
        density="results/density.csv",
    log:
        "results/logs/measure_density.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=GPUS,
        device=settings.device,
    params:
        dataset=f"slakh-{settings.slakh.source}",
        library=library(),
        weights=settings.weights,
        tuples=settings.likelihood.tuples,
        group={
            "tokens": settings.likelihood.tokens,
            "mixtures": settings.likelihood.mixtures_per_group,
        },
        groups=8,
        seed=settings.seed,
        codec=codec(),
        code=code("measure_density"),
    script:
        "../scripts/measure_density.py"
