"""Counts of tuples (z_1, ..., z_N, m) to the sparse likelihood p(m | z_1..z_N), and its density (Table 1).

Needs the sources, their tokens and the codec. Scatter: count one shard of the tuples. Gather: merge the shards into
results/{dataset}/likelihood.safetensors (where no checkpoint is given). Rules: count_tuples, merge_counts,
measure_density.
"""


rule count_tuples:
    input:
        sources="results/{dataset}/sources/train",
        tokens=gather.tokens("results/{{dataset}}/tokens/train/{scatteritem}.parquet"),
        codec=codec,
    output:
        counts="results/{dataset}/counts/{scatteritem}.safetensors",
    log:
        "results/logs/count_tuples/{dataset}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/count_tuples/{dataset}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(6000),
        runtime=minutes(240),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        mixing=of_dataset("mixing"),
        counted_from=of_dataset("tuple_origin"),
        symmetric=of_dataset("symmetric"),
        group=of_dataset("group"),
        seed=settings.seed,
        check=codec_check,
        code=code("count_tuples"),
    script:
        "../scripts/count_tuples.py"


rule merge_counts:
    input:
        counts=gather.counts("results/{{dataset}}/counts/{scatteritem}.safetensors"),
    output:
        likelihood="results/{dataset}/likelihood.safetensors",
    log:
        "results/logs/merge_counts/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/merge_counts/{dataset}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=minutes(60),
    params:
        code=code("merge_counts"),
    script:
        "../scripts/merge_counts.py"


rule measure_density:
    input:
        sources="results/{dataset}/sources/validation",
        tokens=gather.tokens("results/{{dataset}}/tokens/validation/{scatteritem}.parquet"),
        codec=codec,
        likelihood=likelihood,
    output:
        density="results/{dataset}/density.csv",
    log:
        "results/logs/measure_density/{dataset}.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory(8000),
        runtime=minutes(60),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        mixing=of_dataset("mixing"),
        counted_from=of_dataset("tuple_origin"),
        group=of_dataset("group"),
        groups=of_dataset("likelihood", "held_out_groups"),
        seed=settings.seed,
        check=codec_check,
        code=code("measure_density"),
    script:
        "../scripts/measure_density.py"
