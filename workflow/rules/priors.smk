"""Autoregressive priors, one per source class or shared by several classes.

Needs the token tables. Makes results/{dataset}/priors/{prior}.safetensors (where no checkpoint is given) and
results/{dataset}/priors.csv, their negative log-likelihood on unseen data. Rules: train_prior, evaluate_priors.
"""


rule train_prior:
    input:
        train=gather.tokens("results/{{dataset}}/tokens/train/{scatteritem}.parquet"),
        validation=gather.tokens("results/{{dataset}}/tokens/validation/{scatteritem}.parquet"),
    output:
        checkpoint="results/{dataset}/priors/{prior}.safetensors",
    log:
        "results/logs/train_prior/{dataset}/{prior}.log",
    benchmark:
        "results/benchmarks/rules/train_prior/{dataset}/{prior}.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(1200),
        gpu=GPUS,
        device=settings.device,
    params:
        prior=training_settings("priors", "prior"),
        tokens=of_dataset("tokens"),
        seed=settings.seed,
        state="results/{dataset}/priors/{prior}.unfinished.safetensors",
        code=code("train_prior"),
    script:
        "../scripts/train_prior.py"


rule evaluate_priors:
    input:
        unpack(tokens_to_evaluate),
        priors=priors,
    output:
        scores="results/{dataset}/priors.csv",
    log:
        "results/logs/evaluate_priors/{dataset}.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory(8000),
        runtime=minutes(60),
        gpu=GPUS,
        device=settings.device,
    params:
        priors=prior_of_each_class,
        tokens=of_dataset("tokens"),
        windows=of_dataset("evaluated_windows"),
        code=code("evaluate_priors"),
    script:
        "../scripts/evaluate_priors.py"
