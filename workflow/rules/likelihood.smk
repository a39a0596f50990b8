"""Counts of tuples (z_1, ..., z_N, m) to the sparse likelihood p(m | z_1..z_N), and its density (Table 1).

Needs the sources, their tokens and the VQ-VAE. Scatter: count one shard of the tuples. Gather: merge the shards into
results/{dataset}/likelihood.safetensors. For samplers that ask for it, the moments of the images' frames behind every
code, results/{images}/patches.safetensors; for methods of music that ask for it, what the codec loses,
results/slakh/residual.safetensors. Rules: count_tuples, merge_counts, measure_density, fit_patches, fit_residual.
"""


rule count_tuples:
    input:
        sources="results/{dataset}/sources/train",
        tokens=gather.tokens("results/{{dataset}}/tokens/train/{scatteritem}.parquet"),
        vqvae=vqvae,
    output:
        counts="results/{dataset}/counts/{scatteritem}.safetensors",
    log:
        "results/logs/count_tuples/{dataset}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/count_tuples/{dataset}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        weights=weights,
        tuples=lambda wildcards: part_of(wildcards).likelihood.tuples,
        symmetric=symmetric,
        group=counting,
        seed=settings.seed,
        codec=codec,
        code=code("count_tuples"),
    script:
        "../scripts/count_tuples.py"


rule merge_counts:
    input:
        counts=gather.counts("results/{{dataset}}/counts/{scatteritem}.safetensors"),
    output:
        likelihood="results/{dataset}/likelihood.safetensors",
    log:
        "results/logs/merge_counts/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/merge_counts/{dataset}.tsv"
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
        sources="results/{dataset}/sources/validation",
        tokens=gather.tokens("results/{{dataset}}/tokens/validation/{scatteritem}.parquet"),
        vqvae=vqvae,
        likelihood="results/{dataset}/likelihood.safetensors",
    output:
        density="results/{dataset}/density.csv",
    log:
        "results/logs/measure_density/{dataset}.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=GPUS,
        device=settings.device,
    params:
        dataset=data_name,
        library=library,
        weights=weights,
        tuples=lambda wildcards: part_of(wildcards).likelihood.tuples,
        group=counting,
        groups=8,
        seed=settings.seed,
        codec=codec,
        code=code("measure_density"),
    script:
        "../scripts/measure_density.py"


rule fit_patches:
    input:
        sources="results/{images}/sources/train",
        tokens=gather.tokens("results/{{images}}/tokens/train/{scatteritem}.parquet"),
    output:
        patches="results/{images}/patches.safetensors",
    log:
        "results/logs/fit_patches/{images}.log",
    benchmark:
        "results/benchmarks/rules/fit_patches/{images}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        library=library,
        code=code("fit_patches"),
    script:
        "../scripts/fit_patches.py"


rule fit_residual:
    input:
        sources="results/slakh/sources/train",
        vqvae=vqvae,
    output:
        residual="results/slakh/residual.safetensors",
    log:
        "results/logs/fit_residual.log",
    benchmark:
        "results/benchmarks/rules/fit_residual.tsv"
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
        tracks=settings.residual.tracks,
        codec=codec,
        code=code("fit_residual"),
    script:
        "../scripts/fit_residual.py"
