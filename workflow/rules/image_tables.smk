"""The paper's tables and figure of images, and the time that separations take (Table 4).

Needs the scores and the estimates of images. Makes results/{images}_psnr.csv (Table 2, on the test mixtures) and
results/{images}_samplers.csv (Table 3, on those of the split validation), each with a figure and its settings,
results/{images}_separations.png (Figure 3) and results/{dataset}/timing.csv. Rules: tabulate_psnr, draw_separations,
time_image_separations.
"""


rule tabulate_psnr:
    input:
        scores=scores_of_table,
    output:
        table="results/{images}_{table}.csv",
        figure=report(
            "results/{images}_{table}.png",
            caption="../report/image_psnr.rst",
            category="Images",
        ),
        made="results/{images}_{table}.json",
    log:
        "results/logs/tabulate_psnr/{images}_{table}.log",
    wildcard_constraints:
        table="|".join(TABLE_SPLITS),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        split=lambda wildcards: TABLE_SPLITS[wildcards.table],
        config=settings_behind,
        code=code("tabulate_psnr"),
    script:
        "../scripts/tabulate_psnr.py"


rule draw_separations:
    input:
        sources="results/{images}/sources/test",
        mixtures="results/{images}/mixtures/test.parquet",
        estimates=pictured_estimates,
    output:
        figure=report(
            "results/{images}_separations.png",
            caption="../report/image_separations.rst",
            category="Images",
        ),
    log:
        "results/logs/draw_separations/{images}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        library=library,
        methods=pictured,
        number=settings.evaluation.pictures,
        kinds=lambda wildcards: {name: image_kinds(wildcards, name) for name in pictured(wildcards)},
        code=code("draw_separations"),
    script:
        "../scripts/draw_separations.py"


rule time_image_separations:
    input:
        unpack(timed_frame_likelihood),
        sources="results/{images}/sources/test",
        mixtures="results/{images}/mixtures/test.parquet",
        vqvae=vqvae,
        likelihood="results/{images}/likelihood.safetensors",
        priors=priors,
    output:
        timing="results/{images}/timing.csv",
    log:
        "results/logs/time_image_separations/{images}.log",
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        priors=prior_of_each_class,
        weights=weights,
        methods=timed,
        noise=lambda wildcards: part_of(wildcards).likelihood.noise,
        batch=lambda wildcards: part_of(wildcards).separation.batch,
        batches=TIMED_BATCHES,
        precision=lambda wildcards: part_of(wildcards).separation.precision,
        positions=positions,
        seed=settings.seed,
        codec=codec,
        code=code("time_image_separations"),
    script:
        "../scripts/time_image_separations.py"
