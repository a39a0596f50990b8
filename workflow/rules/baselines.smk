"""The estimates that every method stands beside: the mixture, the codec's ceiling, the ideal mask, blind methods, NMF.

Needs the mixtures and the VQ-VAE. Makes, per method and shard, a file of estimates. Rules: estimate_references,
separate_blindly, fit_nmf, estimate_image_references.
"""


rule estimate_references:
    input:
        unpack(codec_of_reference),
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
    output:
        estimates="results/slakh/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/estimate_references/{split}/{method}/{scatteritem}.log",
    wildcard_constraints:
        method="mixture|codec_ceiling|ideal_mask",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        codec=codec,
        code=code("estimate_references"),
    script:
        "../scripts/estimate_references.py"


rule separate_blindly:
    input:
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
    output:
        estimates="results/slakh/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/separate_blindly/{split}/{method}/{scatteritem}.log",
    wildcard_constraints:
        method="|".join(BLIND),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        library=library,
        seed=settings.seed,
        code=code("separate_blindly"),
    script:
        "../scripts/separate_blindly.py"


rule fit_nmf:
    input:
        sources="results/{images}/sources/train",
    output:
        dictionaries="results/{images}/nmf.safetensors",
    log:
        "results/logs/fit_nmf/{images}.log",
    benchmark:
        "results/benchmarks/rules/fit_nmf/{images}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        library=library,
        nmf=lambda wildcards: section(wildcards, "nmf"),
        seed=settings.seed,
        code=code("fit_nmf"),
    script:
        "../scripts/fit_nmf.py"


rule estimate_image_references:
    input:
        unpack(reference_parts),
        sources="results/{images}/sources/{split}",
        mixtures="results/{images}/mixtures/{split}.parquet",
    output:
        estimates="results/{images}/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/estimate_image_references/{images}/{split}/{method}/{scatteritem}.log",
    wildcard_constraints:
        method="|".join(REFERENCES),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        weights=weights,
        iterations=lambda wildcards: part_of(wildcards).nmf.iterations,
        codec=codec,
        code=code("estimate_image_references"),
    script:
        "../scripts/estimate_image_references.py"
