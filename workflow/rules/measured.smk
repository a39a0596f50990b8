"""What decoders and methods may ask for beside the table of counts.

Needs the training sources, and their tokens or the codec. Makes the moments of the frames behind every code,
results/{dataset}/frames.safetensors; what the codec loses, results/{dataset}/residual.safetensors; and the learned
likelihood, a network that hears the mixture, results/{dataset}/network.safetensors (the latter two where no checkpoint is
given). Rules: fit_frames, fit_residual, train_network.
"""


rule fit_frames:
    input:
        sources="results/{dataset}/sources/train",
        tokens=gather.tokens("results/{{dataset}}/tokens/train/{scatteritem}.parquet"),
    output:
        frames="results/{dataset}/frames.safetensors",
    log:
        "results/logs/fit_frames/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/fit_frames/{dataset}.tsv"
    wildcard_constraints:
        dataset=IMAGES,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        library=library,
        code=code("fit_frames"),
    script:
        "../scripts/fit_frames.py"


rule fit_residual:
    input:
        sources="results/{dataset}/sources/train",
        codec=codec,
    output:
        residual="results/{dataset}/residual.safetensors",
    log:
        "results/logs/fit_residual/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/fit_residual/{dataset}.tsv"
    wildcard_constraints:
        dataset=AUDIO,
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        measured=of_dataset("residual", "items"),
        check=codec_check,
        code=code("fit_residual"),
    script:
        "../scripts/fit_residual.py"


rule train_network:
    input:
        train="results/{dataset}/sources/train",
        validation="results/{dataset}/sources/validation",
        codec=codec,
    output:
        network="results/{dataset}/network.safetensors",
    log:
        "results/logs/train_network/{dataset}.log",
    benchmark:
        "results/benchmarks/rules/train_network/{dataset}.tsv"
    wildcard_constraints:
        dataset=AUDIO,
    priority: 2  # what takes longest begins first
    conda:
        "../../environment.yml"
    threads: 16
    resources:
        mem_mb=memory(8000),
        runtime=minutes(600),
        gpu=GPUS,
        device=settings.device,
    params:
        library=library,
        network=training_settings("likelihood", "network"),
        length=of_dataset("network_length"),
        mixing=of_dataset("mixing"),
        seed=settings.seed,
        check=codec_check,
        state="results/{dataset}/network.unfinished.safetensors",
        code=code("train_network"),
    script:
        "../scripts/train_network.py"
