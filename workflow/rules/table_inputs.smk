"""What the tables and figures are made of, and which of them a run is for."""

MUSIC_SPLITS = {"sdr": "test", "samplers": "validation"}  # whose mixtures a table of music is about
TABLE_SPLITS = {"psnr": "test", "samplers": "validation"}  # whose mixtures a table of images is about


def rows_of(wildcards):
    """Methods of a table: `psnr` is about the test mixtures, `samplers` about those of the split validation."""
    return getattr(part_of(wildcards).separation.tables, wildcards.table)


def scores_of_music(wildcards):
    """Every shard of the scores of every method of a table of music."""
    folder = f"results/slakh/{MUSIC_SPLITS[wildcards.table]}/scores"
    shards = gather.mixtures("{scatteritem}.csv")
    rows = getattr(settings.separation.tables, wildcards.table)
    return [f"{folder}/{method}/{shard}" for method in rows for shard in shards]


def heard(wildcards):
    """Methods to listen to and to look at: those of the table of music, less the one that leaves a mixture as it is."""
    return [name for name in settings.separation.tables.sdr if name != "mixture"]


def heard_estimates(wildcards):
    """Every shard of their estimates."""
    shards = gather.mixtures("{scatteritem}.safetensors")
    return [f"results/slakh/test/{name}/{shard}" for name in heard(wildcards) for shard in shards]


def scores_of_table(wildcards):
    """Every shard of the scores of every method of a table."""
    folder = f"results/{wildcards.images}/{TABLE_SPLITS[wildcards.table]}/scores"
    shards = gather.mixtures("{scatteritem}.csv")
    return [f"{folder}/{method}/{shard}" for method in rows_of(wildcards) for shard in shards]


def pictured(wildcards):
    """Methods in the figure of separated images: those of the table, less the one that leaves a mixture as it is."""
    return [name for name in part_of(wildcards).separation.tables.psnr if name != "average"]


def pictured_estimates(wildcards):
    """Every shard of their estimates."""
    shards = gather.mixtures("{scatteritem}.safetensors")
    return [
        f"results/{wildcards.images}/test/{name}/{shard}" for name in pictured(wildcards) for shard in shards
    ]


def tokens_to_evaluate(wildcards):
    """Token tables of unseen data: of images also those of the test split, whose mixtures are scored."""
    splits = ["validation"] if part_of(wildcards) is settings else ["validation", "test"]
    shards = gather.tokens("{scatteritem}.parquet")
    folder = f"results/{wildcards.dataset}/tokens"
    return {split: [f"{folder}/{split}/{shard}" for shard in shards] for split in splits}


def settings_behind(wildcards):
    """What a table of images was made with."""
    general = {"seed": settings.seed, "pretrained": settings.pretrained}
    return general | {wildcards.images: part_of(wildcards).model_dump(mode="json")}


def final_files(wildcards):
    """What `rule all` makes for the data sets of the configuration."""
    music = [f"results/slakh_{what}" for what in ("sdr.csv", "sdr.png", "spectrograms.png")] + [
        "results/examples"
    ]
    files = ["results/density.csv", "results/priors.csv"]
    for name in settings.datasets:
        images = [
            f"results/{name}_{what}" for what in ("psnr.csv", "psnr.png", "samplers.csv", "separations.png")
        ]
        files += music if name == "slakh" else images
    return files
