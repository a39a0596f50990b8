"""Latent autoregressive source separation of one shard of a split's mixtures.

Needs the mixtures, the VQ-VAE, the likelihood and one prior per source. Makes, per shard, a Parquet table of the
separated codes and a folder of their audio. Rule: separate_mixtures.
"""


rule separate_mixtures:
    input:
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
        vqvae=vqvae,
        likelihood="results/slakh/likelihood.safetensors",
        priors=priors,
    output:
        codes="results/slakh/{split}/lass/{scatteritem}.parquet",
        audio=directory("results/slakh/{split}/lass/{scatteritem}"),
    log:
        "results/logs/separate_mixtures/{split}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/separate_mixtures/{split}/{scatteritem}.tsv"
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
        weights=settings.weights,
        method=method(),
        selection=settings.separation.selection,
        batch=settings.separation.batch,
        positions=settings.tokens_per_mixture,
        seed=settings.seed,
        codec=codec,
        code=code("separate_mixtures"),
    script:
        "../scripts/separate_mixtures.py"
