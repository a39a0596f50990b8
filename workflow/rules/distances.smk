"""The Frechet distance between sets of images (FID): all estimates of a method against one set of true ones.

Needs the estimates of all mixtures, the prepared images or statistics of others, and Inception's weights, which are
fetched where none are given. Makes results/{dataset}/{split}/features/{method}.npz, results/{dataset}/features.npz and
results/{dataset}_fid.csv. Rules: measure_features, measure_reference, tabulate_distances.
"""


rule measure_features:
    input:
        estimates=gather.mixtures("results/{{dataset}}/{{split}}/{{method}}/{scatteritem}.safetensors"),
        weights=inception,
    output:
        features="results/{dataset}/{split}/features/{method}.npz",
    log:
        "results/logs/measure_features/{dataset}/{split}/{method}.log",
    benchmark:
        "results/benchmarks/rules/measure_features/{dataset}/{split}/{method}.tsv"
    wildcard_constraints:
        dataset=IMAGES,
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(240),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        code=code("measure_features"),
    script:
        "../scripts/measure_features.py"


rule measure_reference:
    input:
        unpack(images_of_reference),
        weights=inception,
    output:
        features="results/{dataset}/features.npz",
    log:
        "results/logs/measure_reference/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/measure_reference/{dataset}.tsv"
    wildcard_constraints:
        dataset=IMAGES,
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(240),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        code=code("measure_features"),
    script:
        "../scripts/measure_features.py"


rule tabulate_distances:
    input:
        features=features_of_rows,
        reference=reference_statistics,
        estimates=estimates_compared,
    output:
        table="results/{dataset}_fid.csv",
        made="results/{dataset}_fid.json",
    log:
        "results/logs/tabulate_distances/{dataset}.log",
    wildcard_constraints:
        dataset=IMAGES,
    localrule: True
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        split=lambda wildcards: dataset_of(wildcards).fid.split,
        reference=lambda wildcards: dataset_of(wildcards).fid.described,
        config=settings_behind,
        code=code("tabulate_distances"),
    script:
        "../scripts/tabulate_distances.py"
