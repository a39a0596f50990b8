"""What a model is packed of: the files and scores of the methods behind its presets."""


def presets_of(wildcards):
    """Preset -> the method behind it."""
    return dataset_of(wildcards).packing(wildcards.dataset).presets.methods


def parts_beside(wildcards):
    """What of the presets' methods is measured beside the likelihood."""
    separation, folder = dataset_of(wildcards).separation, f"results/{wildcards.dataset}"
    methods = [separation.methods[row] for row in presets_of(wildcards).values()]
    lost = {"residual": residual(wildcards)} if any(one.consistency == "residual" for one in methods) else {}
    if any(separation.decoders[one.decoder].likelihood == "frames" for one in methods):
        lost["frames"] = f"{folder}/frames.safetensors"
    return lost


def scores_of_presets(wildcards):
    """Every shard of the scores of the methods behind the presets."""
    folder, shards = f"results/{wildcards.dataset}/test/scores", gather.mixtures("{scatteritem}.csv")
    rows = dict.fromkeys(presets_of(wildcards).values())
    return [f"{folder}/{row}/{shard}" for row in rows for shard in shards]
