"""Latent autoregressive source separation of one shard of a split's mixtures, of music or of images.

Needs the mixtures, the VQ-VAE, the likelihood and the priors. Makes, per shard, a Parquet table of every sampler's
candidates and a file of every method's estimates; and how long that takes, results/{dataset}/timing.csv. Rules:
draw_candidates, estimate_sources, time_separations.
"""


rule draw_candidates:
    input:
        unpack(frame_likelihood),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
        vqvae=vqvae,
        likelihood="results/{dataset}/likelihood.safetensors",
        priors=priors,
    output:
        candidates="results/{dataset}/{split}/candidates/{sampler}/{scatteritem}.parquet",
    log:
        "results/logs/draw_candidates/{dataset}/{split}/{sampler}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/draw_candidates/{dataset}/{split}/{sampler}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        priors=prior_of_each_class,
        weights=weights,
        sampler=lambda wildcards: sampler(wildcards, wildcards.sampler),
        noise=noise,
        batch=lambda wildcards: part_of(wildcards).separation.batch,
        precision=lambda wildcards: part_of(wildcards).separation.precision,
        positions=positions,
        seed=settings.seed,
        codec=codec,
        code=code("draw_candidates"),
    script:
        "../scripts/draw_candidates.py"


rule estimate_sources:
    input:
        unpack(residual_of),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
        candidates=candidates_of,
        vqvae=vqvae,
    output:
        estimates="results/{dataset}/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/estimate_sources/{dataset}/{split}/{method}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/estimate_sources/{dataset}/{split}/{method}/{scatteritem}.tsv"
    wildcard_constraints:
        method="|".join(sorted({*chain(*(part.separation.methods for part in DATASETS.values()))})),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        priors=prior_of_each_class,
        weights=weights,
        finish=lambda wildcards: finish(wildcards, wildcards.method),
        batch=lambda wildcards: part_of(wildcards).separation.batch,
        precision=lambda wildcards: part_of(wildcards).separation.precision,
        strength=residual_strength,
        codec=codec,
        code=code("estimate_sources"),
    script:
        "../scripts/estimate_sources.py"


rule time_separations:
    input:
        unpack(timed_parts),
        sources="results/{dataset}/sources/test",
        mixtures="results/{dataset}/mixtures/test.parquet",
        vqvae=vqvae,
        likelihood="results/{dataset}/likelihood.safetensors",
        priors=priors,
    output:
        timing="results/{dataset}/timing.csv",
    log:
        "results/logs/time_separations/{dataset}.log",
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
        device=settings.device,
    params:
        dataset=data_name,
        library=library,
        priors=prior_of_each_class,
        weights=weights,
        methods=timed,
        noise=noise,
        batch=lambda wildcards: part_of(wildcards).separation.batch,
        batches=TIMED_BATCHES,
        precision=lambda wildcards: part_of(wildcards).separation.precision,
        positions=positions,
        seed=settings.seed,
        strength=residual_strength,
        codec=codec,
        code=code("time_separations"),
    script:
        "../scripts/time_separations.py"
