"""The paper's tables and figures from the rows of metrics.

Needs results/slakh/test/scores. Makes results/slakh_sdr.csv, its figure, the settings behind it, and results/examples.
Rules: tabulate_sdr, export_examples.
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
