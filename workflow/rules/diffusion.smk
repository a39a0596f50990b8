"""Diffusion priors: the denoisers, and how long rows take beside how well they separate.

Needs the sources. Makes results/{dataset}/denoisers/{denoiser}.safetensors (where no checkpoint is given) with
{denoiser}.csv, its errors and loudness at every level of noise beside those of the best linear filter; and of a table
with `seconds` results/{dataset}_{table}_seconds.png, quality against time. Rules: train_denoiser, draw_seconds.
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


rule draw_seconds:
    input:
        table="results/{dataset}_{table}.csv",
    output:
        figure=report(
            "results/{dataset}_{table}_seconds.png", caption="../report/seconds.rst", category="{dataset}"
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
