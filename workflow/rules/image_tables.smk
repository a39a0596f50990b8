"""The paper's tables and figure of images.

Needs the scores and the estimates of images. Makes results/{images}_psnr.csv (Table 2, on the test mixtures) and
results/{images}_samplers.csv (Table 3, on those of the split validation), each with a figure and its settings,
and results/{images}_separations.png (Figure 3). Rules: tabulate_psnr, draw_separations.
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
