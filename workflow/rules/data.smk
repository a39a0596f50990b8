"""Data sets to sources at the model's rate or size, and a table of mixtures.

Needs nothing (`source: composed` composes songs, `mnist` without a root is downloaded) or the folder `root`, read by
the module that lass/config/registry.py names. Makes results/{dataset}/sources/{split} and
results/{dataset}/mixtures/{split}.parquet. Rules: compose_songs, extract_sources, fetch_mnist, prepare_images,
draw_mixtures.
"""


rule compose_songs:
    output:
        songs=directory("results/{dataset}/songs/{split}"),
    log:
        "results/logs/compose_songs/{dataset}/{split}.log",
    benchmark:
        "results/benchmarks/rules/compose_songs/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=AUDIO,
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        first=lambda wildcards: FIRST_SONG.get(wildcards.split, FIRST_SONG["test"]),
        composed=composed_of_split,
        seed=settings.seed,
        code=code("compose_songs"),
    script:
        "../scripts/compose_songs.py"


rule extract_sources:
    input:
        songs=data_of_split,
    output:
        sources=directory("results/{dataset}/sources/{split}"),
    log:
        "results/logs/extract_sources/{dataset}/{split}.log",
    benchmark:
        "results/benchmarks/rules/extract_sources/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=AUDIO,
        split=any_of(PREPARED),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        library=library,
        reader=of_dataset("reader"),
        classes_in=of_dataset("files"),
        damaged=of_dataset("damaged"),
        root=asked(root_of),
        held_out=asked(lambda dataset, wildcards: dataset.held_out_of(wildcards.split)),
        files=unless_packaged(read_files),
        contents=unless_packaged(fingerprint_of_files),
        code=code_of_reader("extract_sources"),
    script:
        "../scripts/extract_sources.py"


rule fetch_mnist:
    output:
        file="results/{dataset}/idx/{file}.gz",
    log:
        "results/logs/fetch_mnist/{dataset}/{file}.log",
    wildcard_constraints:
        dataset=IMAGES,
        file="|".join(MNIST_FILES),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    params:
        mirrors=of_dataset("mirrors"),
        code=code("fetch_mnist"),
    script:
        "../scripts/fetch_mnist.py"


rule prepare_images:
    input:
        images=data_of_split,
    output:
        sources=directory("results/{dataset}/sources/{split}"),
    log:
        "results/logs/prepare_images/{dataset}/{split}.log",
    benchmark:
        "results/benchmarks/rules/prepare_images/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=IMAGES,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        library=library,
        reader=of_dataset("reader"),
        classes_in=of_dataset("files"),
        root=asked(root_of),
        held_out=asked(lambda dataset, wildcards: dataset.held_out_of(wildcards.split)),
        files=read_files,
        contents=fingerprint_of_files,
        code=code_of_reader("prepare_images"),
    script:
        "../scripts/prepare_images.py"


rule draw_mixtures:
    input:
        sources="results/{dataset}/sources/{split}",
    output:
        mixtures="results/{dataset}/mixtures/{split}.parquet",
    log:
        "results/logs/draw_mixtures/{dataset}/{split}.log",
    wildcard_constraints:
        split=any_of(PREPARED),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        library=library,
        drawing=asked(lambda dataset, wildcards: dataset.drawing(wildcards.split, seed=settings.seed)),
        code=code("draw_mixtures"),
    script:
        "../scripts/draw_mixtures.py"
