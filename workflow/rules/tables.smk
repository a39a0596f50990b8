"""The paper's tables and figures of music from the rows of metrics, and the tables of all data sets.

Needs results/slakh/{split}/scores and the estimates. Makes results/slakh_sdr.csv (Table 5, on the test mixtures) and
results/slakh_samplers.csv (Table 3, on those of the split validation), each with a figure and its settings,
results/slakh_spectrograms.png, results/examples, and of the rows of all data sets results/density.csv (Table 1),
results/priors.csv and results/timing.csv (Table 4). Rules: tabulate_sdr, draw_spectrograms, export_examples,
gather_tables.
"""


rule tabulate_sdr:
    input:
        scores=scores_of_music,
    output:
        table="results/slakh_{table}.csv",
        figure=report(
            "results/slakh_{table}.png",
            caption="../report/slakh_sdr.rst",
            category="Music",
        ),
        made="results/slakh_{table}.json",
    log:
        "results/logs/tabulate_sdr/{table}.log",
    wildcard_constraints:
        table="|".join(MUSIC_SPLITS),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=settings.slakh.classes,
        split=lambda wildcards: MUSIC_SPLITS[wildcards.table],
        config=settings.model_dump(mode="json", exclude={"device"}),
        code=code("tabulate_sdr"),
    script:
        "../scripts/tabulate_sdr.py"


rule draw_spectrograms:
    input:
        sources="results/slakh/sources/test",
        mixtures="results/slakh/mixtures/test.parquet",
        estimates=heard_estimates,
    output:
        figure=report(
            "results/slakh_spectrograms.png",
            caption="../report/slakh_spectrograms.rst",
            category="Music",
        ),
    log:
        "results/logs/draw_spectrograms.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        library=library,
        methods=heard,
        kinds=lambda wildcards: {name: kinds_of(wildcards, name) for name in heard(wildcards)},
        code=code("draw_spectrograms"),
    script:
        "../scripts/draw_spectrograms.py"


rule export_examples:
    input:
        sources="results/slakh/sources/test",
        mixtures="results/slakh/mixtures/test.parquet",
        estimates=heard_estimates,
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
        methods=heard,
        kinds=lambda wildcards: {name: kinds_of(wildcards, name) for name in heard(wildcards)},
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
