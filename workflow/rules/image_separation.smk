"""Separation of images: latent autoregressive source separation, and the methods that it stands beside.

Needs the image mixtures, the VQ-VAE, the likelihood and the priors. Makes, per shard, a Parquet table of every sampler's
candidates, and of every method a file of estimates and a table with the PSNR of every mixture. Rules: draw_candidates,
estimate_sources, score_images.
"""


rule draw_candidates:
    input:
        unpack(frame_likelihood),
        sources="results/{images}/sources/{split}",
        mixtures="results/{images}/mixtures/{split}.parquet",
        vqvae=vqvae,
        likelihood="results/{images}/likelihood.safetensors",
        priors=priors,
    output:
        candidates="results/{images}/{split}/candidates/{sampler}/{scatteritem}.parquet",
    log:
        "results/logs/draw_candidates/{images}/{split}/{sampler}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/draw_candidates/{images}/{split}/{sampler}/{scatteritem}.tsv"
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
        noise=lambda wildcards: part_of(wildcards).likelihood.noise,
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
        sources="results/{images}/sources/{split}",
        mixtures="results/{images}/mixtures/{split}.parquet",
        candidates=candidates_of,
        vqvae=vqvae,
    output:
        estimates="results/{images}/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/estimate_sources/{images}/{split}/{method}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/estimate_sources/{images}/{split}/{method}/{scatteritem}.tsv"
    wildcard_constraints:
        method="|".join(sorted({*chain(*(part.separation.methods for part in IMAGE_SETS))})),
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
        codec=codec,
        code=code("estimate_sources"),
    script:
        "../scripts/estimate_sources.py"


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
