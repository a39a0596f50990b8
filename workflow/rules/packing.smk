"""What a model is packed of: the files and scores of the methods behind its presets."""


def presets_of(wildcards):
    """Preset -> the method behind it."""
    return dataset_of(wildcards).packing(wildcards.dataset).presets.methods


def packed_of(wildcards):
    """What the model says of itself but for its results."""
    return dataset_of(wildcards).packed(wildcards.dataset)


def parts_of_model(wildcards):
    """All files that its presets ask for."""
    packed, files = packed_of(wildcards), {}
    if packed.coded:
        files["codec"] = codec(wildcards)
    if packed.uses_counts:
        files["likelihood"] = likelihood(wildcards)
    if packed.priors:
        files["priors"] = priors(wildcards)
    files |= {f"denoiser_{name}": denoiser(wildcards, name) for name in packed.denoiser_names}
    return files | {name: measured(wildcards, name) for name in packed.measured}


def scores_of_presets(wildcards):
    """Every shard of the scores of the methods behind the presets."""
    folder, shards = f"results/{wildcards.dataset}/test/scores", gather.mixtures("{scatteritem}.csv")
    rows = dict.fromkeys(presets_of(wildcards).values())
    return [f"{folder}/{row}/{shard}" for row in rows for shard in shards]
