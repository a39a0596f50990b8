"""How much worse methods are on mixtures that differ from what they learnt from.

Needs the test mixtures, and what the methods need. Makes results/{dataset}/sources/shifted_{shift}, the test songs
altered, with the same mixtures of them, and results/{dataset}_shifts.csv. A shift is a split: the rules that separate and
score take it as any other. Songs for other instruments are composed anew (compose_songs), as the split
played_{shift}. Rules: shift_sources, tabulate_shifts.
"""


rule shift_sources:
    input:
        sources="results/{dataset}/sources/test",
        mixtures="results/{dataset}/mixtures/test.parquet",
    output:
        sources=directory("results/{dataset}/sources/{split}"),
        mixtures="results/{dataset}/mixtures/{split}.parquet",
    log:
        "results/logs/shift_sources/{dataset}/{split}.log",
    wildcard_constraints:
        dataset=AUDIO,
        split=any_of(ALTERED),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        library=library,
        mixing=of_dataset("mixing"),
        shift=lambda wildcards: plain(shift_of(wildcards)),
        seed=settings.seed,
        code=code("shift_sources"),
    script:
        "../scripts/shift_sources.py"


rule tabulate_shifts:
    input:
        scores=scores_of_shifts,
    output:
        table="results/{dataset}_shifts.csv",
        made="results/{dataset}_shifts.json",
    log:
        "results/logs/tabulate_shifts/{dataset}.log",
    wildcard_constraints:
        dataset=any_of(name for name, shifts in SHIFTS.items() if shifts),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        metric=of_dataset("metric"),
        rows=of_dataset("shifts", "rows"),
        splits=lambda wildcards: dict(
            zip(dataset_of(wildcards).shifts.kinds, SHIFTS[wildcards.dataset], strict=True)
        ),
        config=settings_behind,
        code=code("tabulate_shifts"),
    script:
        "../scripts/tabulate_shifts.py"
