"""Diffusion priors: the denoisers, and how long the rows by them take beside how well they separate.

Needs the sources; for times also the mixtures. Makes results/{dataset}/denoisers/{denoiser}.safetensors (where no
checkpoint is given) with {denoiser}.csv, its errors at every level of noise beside those of the best linear filter;
results/{dataset}/{split}/seconds/{method}.csv, seconds per mixture, which a table with `seconds` lists; and of such a
table results/{dataset}_{table}_seconds.png, quality against time. Rules: train_denoiser, time_method, draw_seconds.
"""


rule train_denoiser:
    input:
        train="results/{dataset}/sources/train",
        validation="results/{dataset}/sources/validation",
    output:
        checkpoint="results/{dataset}/denoisers/{denoiser}.safetensors",
        levels="results/{dataset}/denoisers/{denoiser}.csv",
    log:
        "results/logs/train_denoiser/{dataset}/{denoiser}.log",
    benchmark:
        "results/benchmarks/rules/train_denoiser/{dataset}/{denoiser}.tsv"
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
        denoiser=training_settings("diffusion", "denoisers", "denoiser"),
        examples=of_dataset("diffusion", "examples"),
        unseen=of_dataset("diffusion", "unseen"),
        seed=settings.seed,
        state="results/{dataset}/denoisers/{denoiser}.unfinished.safetensors",
        code=code("train_denoiser"),
    script:
        "../scripts/train_denoiser.py"


rule time_method:
    input:
        unpack(files_of_method),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
    output:
        seconds="results/{dataset}/{split}/seconds/{method}.csv",
    log:
        "results/logs/time_method/{dataset}/{split}/{method}.log",
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(240),
        gpu=gpus_of_method,
        network=runs_network,  # a number, as for separate_mixtures
        device=settings.device,
    params:
        library=library,
        job=asked(lambda dataset, wildcards: dataset.method_job(wildcards.method, seed=settings.seed)),
        batch=batch_of_method,
        code=code_of_method("time_method"),
    script:
        "../scripts/time_method.py"


rule draw_seconds:
    input:
        table="results/{dataset}_{table}.csv",
    output:
        figure=report(
            "results/{dataset}_{table}_seconds.png", caption="../report/scores.rst", category="{dataset}"
        ),
    log:
        "results/logs/draw_seconds/{dataset}_{table}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        quality=asked(lambda dataset, wildcards: dataset.main),
        code=code("draw_seconds"),
    script:
        "../scripts/draw_seconds.py"
