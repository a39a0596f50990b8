"""The paper's tables and figures from the rows of metrics.

Needs results/slakh/test/scores. Makes results/slakh_sdr.csv, its figure, the settings behind it, results/examples,
results/slakh/timing.csv, and of the rows of all data sets results/density.csv (Table 1), results/priors.csv and
results/timing.csv (Table 4). Rules: tabulate_sdr, export_examples, time_separations, gather_tables.
"""


rule tabulate_sdr:
    input:
        scores=expand(
            gather.mixtures("results/slakh/test/scores/{{method}}/{scatteritem}.csv"),
            method=METHODS,
        ),
    output:
        table="results/slakh_sdr.csv",
        figure=report(
            "results/slakh_sdr.png",
            caption="../report/slakh_sdr.rst",
            category="Music",
        ),
        made="results/slakh_sdr.json",
    log:
        "results/logs/tabulate_sdr.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=settings.slakh.classes,
        split="test",
        config=settings.model_dump(mode="json", exclude={"device"}),
        code=code("tabulate_sdr"),
    script:
        "../scripts/tabulate_sdr.py"


rule export_examples:
    input:
        sources="results/slakh/sources/test",
        mixtures="results/slakh/mixtures/test.parquet",
        codec_ceiling=gather.mixtures("results/slakh/test/codec_ceiling/{scatteritem}"),
        lass=gather.mixtures("results/slakh/test/lass/{scatteritem}"),
    output:
        examples=directory("results/examples"),
    log:
        "results/logs/export_examples.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        library=library,
        methods=["codec_ceiling", "lass"],
        number=settings.evaluation.examples,
        code=code("export_examples"),
    script:
        "../scripts/export_examples.py"


rule time_separations:
    input:
        sources="results/slakh/sources/test",
        mixtures="results/slakh/mixtures/test.parquet",
        vqvae=vqvae,
        likelihood="results/slakh/likelihood.safetensors",
        priors=priors,
    output:
        timing="results/slakh/timing.csv",
    log:
        "results/logs/time_separations.log",
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
        device=settings.device,
    params:
        dataset=data_name,
        library=library,
        priors=prior_of_each_class,
        weights=weights,
        method=method(),
        selection=settings.separation.selection,
        batch=settings.separation.batch,
        batches=TIMED_BATCHES,
        positions=positions,
        seed=settings.seed,
        codec=codec,
        code=code("time_separations"),
    script:
        "../scripts/time_separations.py"


rule gather_tables:
    input:
        tables=expand("results/{dataset}/{{table}}.csv", dataset=settings.datasets),
    output:
        table="results/{table}.csv",
    log:
        "results/logs/gather_tables/{table}.log",
    wildcard_constraints:
        table="density|priors|timing",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("gather_tables"),
    script:
        "../scripts/gather_tables.py"
