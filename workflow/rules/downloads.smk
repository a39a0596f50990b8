"""Public data and weights: fetched, verified, and laid out as the readers want them.

Needs a network, or `addresses` that name files which are here; or packages of Debian in the folder `root`. Makes
results/{dataset}/downloaded/, of which results/{dataset}/downloaded.json says what it is, results/weights/{weights}, and of
packages results/{dataset}/recordings/{split}, which extract_sources reads. Rules: fetch_songs, fetch_weights,
unpack_packages.

Of those that fetch neither has a fingerprint of its code: no edit may fetch 104 GB again. The folder is no output either, as Snakemake
deletes outputs before it makes them anew: the job looks whether the folder holds what is asked for.
"""

import re

from lass.config import PUBLIC_FILES


rule fetch_songs:
    output:
        origin="results/{dataset}/downloaded.json",
    log:
        "results/logs/fetch_songs/{dataset}.log",
    wildcard_constraints:
        dataset=any_of(DOWNLOADED),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(2880),
    params:
        data=of_dataset("download"),
        classes=of_dataset("classes"),
        files=of_dataset("files"),
        own_sum=asked(lambda dataset, wildcards: settings.sum_of(dataset.download)),
    script:
        "../scripts/fetch_songs.py"


rule unpack_packages:
    input:
        packages=users_files,
    output:
        recordings=directory("results/{dataset}/recordings/{split}"),
    log:
        "results/logs/unpack_packages/{dataset}/{split}.log",
    benchmark:
        "results/benchmarks/rules/unpack_packages/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=any_of(PACKAGED),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        packages=asked(lambda dataset, wildcards: dataset.packages.behind(wildcards.split)),
        rate=of_dataset("sample_rate"),
        files=read_files,
        contents=fingerprint_of_files,
        code=code("unpack_packages"),
    script:
        "../scripts/unpack_packages.py"


rule fetch_weights:
    output:
        file="results/weights/{weights}",
    log:
        "results/logs/fetch_weights/{weights}.log",
    wildcard_constraints:
        weights=any_of(re.escape(file.name) for file in PUBLIC_FILES.values()),
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(120),
    script:
        "../scripts/fetch_weights.py"
