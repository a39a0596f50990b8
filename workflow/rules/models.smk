"""A model of a finished run: all that its presets ask for, codec, priors and likelihood or denoisers, in one folder.

Needs these files, mixtures by which its level is known, and the scores of the methods that are its presets. Makes
results/{dataset}/model/, which `lass separate --model` takes. Rule: pack_model.
"""


rule pack_model:
    input:
        unpack(parts_of_model),
        sources="results/{dataset}/sources/test",
        mixtures="results/{dataset}/mixtures/test.parquet",
        scores=scores_of_presets,
    output:
        model=directory("results/{dataset}/model"),
    log:
        "results/logs/pack_model/{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
    params:
        packed=asked(lambda dataset, wildcards: dataset.packed(wildcards.dataset)),
        rows=presets_of,
        library=library,
        metric=of_dataset("metric"),
        classes=of_dataset("source_classes"),
        made=lambda wildcards: {"seed": settings.seed, "config": settings_behind(wildcards)},
        code=code("pack_model"),
    script:
        "../scripts/pack_model.py"
