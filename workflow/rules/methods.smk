"""What the methods of separation need: their settings, and the rows of the tables."""

TABLE_SPLITS = {"psnr": "test", "samplers": "validation"}  # whose mixtures a table of images is about
TIMED_BATCHES = 2  # of test mixtures


def method():
    """How sequences of music are decoded."""
    names = ["hypotheses", "likelihood_weight", "temperature", "top_k"]
    return {"name": settings.separation.method} | {name: getattr(settings.separation, name) for name in names}


def separated_codes(wildcards):
    """Codes behind a shard's estimates: those of `lass` only, the other methods have none."""
    if wildcards.method != "lass":
        return {}
    return {"codes": f"results/slakh/{wildcards.split}/lass/{wildcards.scatteritem}.parquet"}


def kinds(wildcards):
    """A label per source: equal where one unconditional prior leaves open which estimate is which source."""
    return [
        each["source"] if wildcards.method != "lass" or each["conditional"] else f"{each['prior']} prior"
        for each in prior_of_each_class(wildcards)
    ]


def image_kinds(wildcards, method):
    """The same per class, for the images of a mixture: the references are told the classes."""
    told = method in REFERENCES
    return {
        each["source"]: each["source"] if told or each["conditional"] else f"{each['prior']} prior"
        for each in prior_of_each_class(wildcards)
    }


def sampler(wildcards, name):
    """Settings of a sampler, as the library names them, and how many of its candidates are kept."""
    values = section(wildcards, "separation", "samplers", name)
    return {"name": values.pop("method"), **values}


def finish(wildcards, name):
    """How a method makes its estimates of the candidates of its sampler."""
    values = section(wildcards, "separation", "methods", name)
    return {key: value for key, value in values.items() if key != "sampler"}


def candidates_of(wildcards):
    """The shard of candidates that a method's estimates of the same shard are made of."""
    sampler = part_of(wildcards).separation.methods[wildcards.method].sampler
    return (
        f"results/{wildcards.images}/{wildcards.split}/candidates/{sampler}/{wildcards.scatteritem}.parquet"
    )


def reference_parts(wildcards):
    """What a reference method needs beside the images."""
    return {
        "average": {},
        "codec_ceiling": {"vqvae": vqvae(wildcards)},
        "nmf": {"dictionaries": f"results/{wildcards.images}/nmf.safetensors"},
    }[wildcards.method]


def rows_of(wildcards):
    """Methods of a table: `psnr` is about the test mixtures, `samplers` about those of the split validation."""
    return getattr(part_of(wildcards).separation.tables, wildcards.table)


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


def timed(wildcards):
    """Methods of image separation that are timed, each with its sampler."""
    separation = part_of(wildcards).separation
    names = [name for name in separation.tables.psnr if name in separation.methods]
    return {
        name: {
            "sampler": sampler(wildcards, separation.methods[name].sampler),
            "finish": finish(wildcards, name),
        }
        for name in names
    }


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
    music = ["results/slakh_sdr.csv", "results/slakh_sdr.png", "results/examples"]
    files = ["results/density.csv", "results/priors.csv"]
    for name in settings.datasets:
        images = [
            f"results/{name}_{what}" for what in ("psnr.csv", "psnr.png", "samplers.csv", "separations.png")
        ]
        files += music if name == "slakh" else images
    return files
