"""The VQ-VAE, and the sources as its codes.

Needs results/{dataset}/sources. Makes results/{dataset}/vqvae.safetensors (where no checkpoint is given) and the token tables
results/{dataset}/tokens/{split}/{shard}.parquet. Rules: train_vqvae, tokenize_sources.
"""


rule train_vqvae:
    input:
        train="results/{dataset}/sources/train",
        validation="results/{dataset}/sources/validation",
    output:
        checkpoint="results/{dataset}/vqvae.safetensors",
    log:
        "results/logs/train_vqvae/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/train_vqvae/{dataset}.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        vqvae=lambda wildcards: training_settings(wildcards, "vqvae"),
        shape=vqvae_shape,
        weights=weights,
        augmentation=alterations,
        seed=settings.seed,
        state="results/{dataset}/vqvae.unfinished.safetensors",
        code=code("train_vqvae"),
    script:
        "../scripts/train_vqvae.py"


rule tokenize_sources:
    input:
        sources="results/{dataset}/sources/{split}",
        vqvae=vqvae,
    output:
        tokens="results/{dataset}/tokens/{split}/{scatteritem}.parquet",
    log:
        "results/logs/tokenize_sources/{dataset}/{split}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/tokenize_sources/{dataset}/{split}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        codec=codec,
        copies=copies,
        augmentation=alterations,
        seed=settings.seed,
        code=code("tokenize_sources"),
    script:
        "../scripts/tokenize_sources.py"
