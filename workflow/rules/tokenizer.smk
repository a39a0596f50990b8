"""The codec, and the sources as its codes.

Needs results/{dataset}/sources. Makes results/{dataset}/codec.safetensors (where no checkpoint is given) and the token
tables results/{dataset}/tokens/{split}/{shard}.parquet. Rules: train_codec, tokenize_sources.
"""


rule train_codec:
    input:
        train="results/{dataset}/sources/train",
        validation="results/{dataset}/sources/validation",
    output:
        checkpoint="results/{dataset}/codec.safetensors",
    log:
        "results/logs/train_codec/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/train_codec/{dataset}.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(1200),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        codec=training_settings("codec"),
        mixing=of_dataset("mixing"),
        altered=of_dataset("altered_examples"),
        seed=settings.seed,
        state="results/{dataset}/codec.unfinished.safetensors",
        code=code("train_codec"),
    script:
        "../scripts/train_codec.py"


rule tokenize_sources:
    input:
        sources="results/{dataset}/sources/{split}",
        codec=codec,
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
        mem_mb=memory(8000),
        runtime=minutes(120),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        check=codec_check,
        altered=asked(lambda dataset, wildcards: dataset.altered(wildcards.split)),
        seed=settings.seed,
        code=code("tokenize_sources"),
    script:
        "../scripts/tokenize_sources.py"
