"""Estimates of the sources of one shard of a split's mixtures, by any method.

Needs the mixtures and what the method's family asks for. Latent autoregressive source separation reads candidates,
which are drawn once per decoder. Makes, per shard, a Parquet table of a decoder's candidates and a file of a method's
estimates; and how long it takes them, and in how much memory. Rules: draw_candidates, separate_mixtures, time_method.
"""


rule draw_candidates:
    input:
        unpack(files_of_decoder),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
        codec=codec,
    output:
        candidates="results/{dataset}/{split}/candidates/{decoder}/{scatteritem}.parquet",
    log:
        "results/logs/draw_candidates/{dataset}/{split}/{decoder}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/draw_candidates/{dataset}/{split}/{decoder}/{scatteritem}.tsv"
    priority: 1  # what takes longest begins first
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=minutes(600),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        job=asked(lambda dataset, wildcards: dataset.decoding_job(wildcards.decoder, seed=settings.seed)),
        code=code("draw_candidates"),
    script:
        "../scripts/draw_candidates.py"


rule separate_mixtures:
    input:
        unpack(files_of_method),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
    output:
        estimates="results/{dataset}/{split}/{method}/{scatteritem}.safetensors",
    log:
        "results/logs/separate_mixtures/{dataset}/{split}/{method}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/rules/separate_mixtures/{dataset}/{split}/{method}/{scatteritem}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=minutes(600),
        gpu=gpus_of_method,
        network=runs_network,  # a number: jobs in one submission may differ in numbers only
        device=settings.device,
    params:
        library=library,
        job=asked(lambda dataset, wildcards: dataset.method_job(wildcards.method, seed=settings.seed)),
        batch=batch_of_method,
        code=code_of_method("separate_mixtures"),
    script:
        "../scripts/separate_mixtures.py"


rule time_method:
    input:
        unpack(files_of_timing),
        sources="results/{dataset}/sources/{split}",
        mixtures="results/{dataset}/mixtures/{split}.parquet",
    output:
        seconds="results/{dataset}/{split}/seconds/{method}.csv",
    log:
        "results/logs/time_method/{dataset}/{split}/{method}.log",
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(240),
        gpu=gpus_of_method,
        network=runs_network,  # a number, as for separate_mixtures
        timing=1,
        device=settings.device,
    params:
        library=library,
        job=asked(lambda dataset, wildcards: dataset.method_job(wildcards.method, seed=settings.seed)),
        decoding=decoding_of_method,
        batch=batch_of_method,
        batches=settings.evaluation.timed_batches,
        code=code_of_timing,
    script:
        "../scripts/time_method.py"
