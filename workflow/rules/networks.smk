"""What methods beside latent autoregressive source separation learn from the training data.

Needs the sources. Makes results/{dataset}/separators/{network}.safetensors, networks that learn from true mixtures, and
results/{dataset}/nmf.safetensors, a dictionary of every class. Rules: train_separator, fit_nmf.
"""


rule train_separator:
    input:
        train="results/{dataset}/sources/train",
        validation="results/{dataset}/sources/validation",
    output:
        checkpoint="results/{dataset}/separators/{network}.safetensors",
    log:
        "results/logs/train_separator/{dataset}/{network}.log",
    benchmark:
        "results/benchmarks/rules/train_separator/{dataset}/{network}.tsv"
    wildcard_constraints:
        dataset=AUDIO,
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
        network=asked(lambda dataset, wildcards: dataset.supervised.network(wildcards.network)),
        kind=asked(lambda dataset, wildcards: dataset.supervised.kind(wildcards.network)),
        length=of_dataset("supervised_length"),
        mixing=of_dataset("mixing"),
        seed=lambda wildcards: dataset_of(wildcards).supervised.seed(wildcards.network, seed=settings.seed),
        state="results/{dataset}/separators/{network}.unfinished.safetensors",
        code=code("train_separator"),
    script:
        "../scripts/train_separator.py"


rule fit_nmf:
    input:
        sources="results/{dataset}/sources/train",
    output:
        dictionaries="results/{dataset}/nmf.safetensors",
    log:
        "results/logs/fit_nmf/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/fit_nmf/{dataset}.tsv"
    wildcard_constraints:
        dataset=IMAGES,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        library=library,
        nmf=of_dataset("nmf"),
        seed=settings.seed,
        code=code("fit_nmf"),
    script:
        "../scripts/fit_nmf.py"
