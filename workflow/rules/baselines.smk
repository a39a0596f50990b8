"""The estimates that every method stands beside: the unprocessed mixture and the codec's ceiling.

Needs the mixtures and the VQ-VAE. Makes a folder of audio per method and shard. Rule: estimate_references.
"""


rule estimate_references:
    input:
        sources="results/slakh/sources/{split}",
        mixtures="results/slakh/mixtures/{split}.parquet",
        vqvae=vqvae,
    output:
        audio=directory("results/slakh/{split}/{method}/{scatteritem}"),
    log:
        "results/logs/estimate_references/{split}/{method}/{scatteritem}.log",
    wildcard_constraints:
        method="mixture|codec_ceiling",
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
