"""What a model is packed of: the files and scores of the methods behind its presets."""


def presets_of(wildcards):
    """Preset -> the method behind it."""
    return dataset_of(wildcards).packing(wildcards.dataset).presets.methods


def parts_beside(wildcards):
    """What the presets' methods ask for beside the table of counts."""
    return measured_for(wildcards, presets_of(wildcards).values())


def scores_of_presets(wildcards):
    """Every shard of the scores of the methods behind the presets."""
    folder, shards = f"results/{wildcards.dataset}/test/scores", gather.mixtures("{scatteritem}.csv")
    rows = dict.fromkeys(presets_of(wildcards).values())
    return [f"{folder}/{row}/{shard}" for row in rows for shard in shards]
