"""The VQ-VAE, and the sources as its codes.

Needs results/slakh/sources. Makes results/slakh/vqvae.safetensors (where no checkpoint is given) and the token tables
results/slakh/tokens/{split}/{shard}.parquet. Rules: train_vqvae, tokenize_sources.
"""


rule train_vqvae:
    input:
        train="results/slakh/sources/train",
        validation="results/slakh/sources/validation",
    output:
        checkpoint="results/slakh/vqvae.safetensors",
    log:
        "results/logs/train_vqvae.log",
    benchmark:
        "results/benchmarks/rules/train_vqvae.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=GPUS,
        device=settings.device,
    params:
        **library(),
        vqvae=training_settings("vqvae"),
        shape=vqvae_shape(),
        weights=settings.weights,
        seed=settings.seed,
        state="results/slakh/vqvae.unfinished.safetensors",
        code=code("train_vqvae"),
    script:
        "../scripts/train_vqvae.py"


rule tokenize_sources:
    input:
        sources="results/slakh/sources/{split}",
        vqvae=vqvae,
    output:
        tokens="results/slakh/tokens/{split}/{scatteritem}.parquet",
    log:
        "results/logs/tokenize_sources/{split}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/tokenize_sources/{split}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
        gpu=GPUS,
        device=settings.device,
    params:
        **library(),
        codec=codec(),
        code=code("tokenize_sources"),
    script:
        "../scripts/tokenize_sources.py"
