"""Supervised baselines of music: networks trained on the songs that the priors and the counts see.

Needs the sources and the mixtures. Makes results/slakh/supervised/{network}.safetensors, and per network and shard a
file of estimates. Rules: train_supervised, separate_supervised.
"""


rule train_supervised:
    input:
        train="results/slakh/sources/train",
        validation="results/slakh/sources/validation",
    output:
        checkpoint="results/slakh/supervised/{network}.safetensors",
    log:
        "results/logs/train_supervised/{network}.log",
    benchmark:
        "results/benchmarks/rules/train_supervised/{network}.tsv"
    wildcard_constraints:
        network="|".join(SUPERVISED),
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=1200,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        sizes=lambda wildcards: network_settings(wildcards.network),
        training=lambda wildcards: section(wildcards, "supervised", wildcards.network, "training"),
        frames=settings.supervised_frames,
        weights=settings.weights,
        seed=settings.seed,
        state="results/slakh/supervised/{network}.unfinished.safetensors",
        code=code("train_supervised"),
    script:
        "../scripts/train_supervised.py"


rule separate_supervised:
    input:
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
        network="results/slakh/supervised/{method}.safetensors",
    output:
        estimates="results/slakh/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/separate_supervised/{split}/{method}/{scatteritem}.log",
    wildcard_constraints:
        method="|".join(SUPERVISED),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        code=code("separate_supervised"),
    script:
        "../scripts/separate_supervised.py"
