"""Images to sources and a table of mixtures.

Needs nothing (`mnist.root: null` downloads MNIST), a folder with MNIST's files, or a folder of pictures
(`source: folder`). Makes results/{images}/sources/{split}/images.safetensors and
results/{images}/mixtures/{split}.parquet. Rules: fetch_mnist, prepare_images, draw_image_mixtures.
"""


rule fetch_mnist:
    output:
        file="results/{images}/idx/{file}.gz",
    log:
        "results/logs/fetch_mnist/{images}/{file}.log",
    wildcard_constraints:
        file="|".join(MNIST_FILES),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        mirrors=lambda wildcards: part_of(wildcards).mirrors,
        code=code("fetch_mnist"),
    script:
        "../scripts/fetch_mnist.py"


rule prepare_images:
    input:
        images=original_images,
    output:
        sources=directory("results/{images}/sources/{split}"),
    log:
        "results/logs/prepare_images/{images}/{split}.log",
    benchmark:
        "results/benchmarks/rules/prepare_images/{images}/{split}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        source=lambda wildcards: part_of(wildcards).source,
        library=library,
        held_out=lambda wildcards: part_of(wildcards).held_out,
        code=code("prepare_images"),
    script:
        "../scripts/prepare_images.py"


rule draw_image_mixtures:
    input:
        sources="results/{images}/sources/{split}",
    output:
        mixtures="results/{images}/mixtures/{split}.parquet",
    log:
        "results/logs/draw_image_mixtures/{images}/{split}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        library=library,
        number=lambda wildcards: getattr(part_of(wildcards).mixtures.count, wildcards.split),
        weights=weights,
        seed=settings.seed,
        code=code("draw_image_mixtures"),
    script:
        "../scripts/draw_image_mixtures.py"
