"""Music in Slakh's layout to sources at the model's rate and a table of mixtures.

Needs nothing (`slakh.source: mini`) or a folder in Slakh's layout (`slakh.source: folder`, `slakh.root`). Makes
results/slakh/sources/{split} (one file per track, one channel per class) and results/slakh/mixtures/{split}.parquet.
Rules: compose_songs, extract_sources, draw_mixtures.
"""


rule compose_songs:
    output:
        songs=directory("results/slakh/mini/{split}"),
    log:
        "results/logs/compose_songs/{split}.log",
    benchmark:
        "results/benchmarks/rules/compose_songs/{split}.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        first=lambda wildcards: FIRST_SONG[wildcards.split],
        number=lambda wildcards: getattr(settings.slakh.mini.songs, wildcards.split),
        seconds=settings.slakh.mini.seconds,
        seed=settings.seed,
        code=code("compose_songs"),
    script:
        "../scripts/compose_songs.py"


rule extract_sources:
    input:
        songs=songs,
    output:
        sources=directory("results/slakh/sources/{split}"),
    log:
        "results/logs/extract_sources/{split}.log",
    benchmark:
        "results/benchmarks/rules/extract_sources/{split}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        rate=settings.slakh.sample_rate,
        classes=settings.slakh.classes,
        code=code("extract_sources"),
    script:
        "../scripts/extract_sources.py"


rule draw_mixtures:
    input:
        sources="results/slakh/sources/{split}",
    output:
        mixtures="results/slakh/mixtures/{split}.parquet",
    log:
        "results/logs/draw_mixtures/{split}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rate=settings.slakh.sample_rate,
        classes=settings.slakh.classes,
        frames=settings.frames_per_mixture,
        number=lambda wildcards: getattr(settings.mixtures.count, wildcards.split),
        weights=settings.weights,
        silence=settings.mixtures.silence,
        seed=settings.seed,
        code=code("draw_mixtures"),
    script:
        "../scripts/draw_mixtures.py"
