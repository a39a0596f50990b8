"""What the methods of separation need: their settings, and the files behind them."""

TIMED_BATCHES = 5  # of test mixtures


def separated_codes(wildcards):
    """Candidates behind a shard's estimates: those of latent autoregressive source separation only."""
    return {"candidates": candidates_of(wildcards)} if wildcards.method in settings.separation.methods else {}


def kinds(wildcards):
    """The labels of the sources for the method that is scored."""
    return kinds_of(wildcards, wildcards.method)


def kinds_of(wildcards, method):
    """A label per source: equal where nothing says which estimate is which source.

    Blind methods do not know, nor does one unconditional prior of several classes.
    """
    if method in BLIND:
        return ["any"] * len(settings.classes)
    told = method in MUSIC_REFERENCES
    return [
        each["source"] if told or each["conditional"] else f"{each['prior']} prior"
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
    """Settings of a sampler, as the library names them."""
    values = section(wildcards, "separation", "samplers", name)
    return {"name": values.pop("method"), **values}


def finish(wildcards, name):
    """How a method makes its estimates of the candidates of its sampler."""
    values = section(wildcards, "separation", "methods", name)
    return {key: value for key, value in values.items() if key != "sampler"}


def candidates_of(wildcards):
    """The shard of candidates that a method's estimates of the same shard are made of."""
    sampler = part_of(wildcards).separation.methods[wildcards.method].sampler
    folder = f"results/{dataset_of(wildcards)}/{wildcards.split}/candidates"
    return f"{folder}/{sampler}/{wildcards.scatteritem}.parquet"


def frame_likelihood(wildcards):
    """The moments behind a sampler's likelihood of frames, where it has one."""
    likelihood = part_of(wildcards).separation.samplers[wildcards.sampler].likelihood
    return (
        {"patches": f"results/{dataset_of(wildcards)}/patches.safetensors"} if likelihood == "patches" else {}
    )


def noise(wildcards):
    """What the likelihood of frames adds to their spread; None for music, which has no such likelihood."""
    return getattr(part_of(wildcards).likelihood, "noise", None)


def shares_residual(wildcards):
    """Whether a method shares out among the sources what the codec loses, or one of those that are timed."""
    methods = part_of(wildcards).separation.methods
    names = [wildcards.method] if wildcards.get("method") else timed(wildcards)
    return any(methods[name].consistency == "residual" for name in names)


def residual_of(wildcards):
    """What the codec loses, where it is shared out."""
    return {"residual": "results/slakh/residual.safetensors"} if shares_residual(wildcards) else {}


def residual_strength(wildcards):
    """Frames that the mean of a class counts for, where that is asked for."""
    return settings.residual.strength if shares_residual(wildcards) else None


def timed_parts(wildcards):
    """Files beside priors and likelihood that one of the methods needs that are timed."""
    patches = any(one["sampler"]["likelihood"] == "patches" for one in timed(wildcards).values())
    file = f"results/{dataset_of(wildcards)}/patches.safetensors"
    return residual_of(wildcards) | ({"patches": file} if patches else {})


def network_settings(name):
    """Sizes of a supervised network."""
    return getattr(settings.supervised, name).model_dump(mode="json", exclude={"training"})


def codec_of_reference(wildcards):
    """The VQ-VAE, for the one of the references of music that it is the ceiling of."""
    return {"vqvae": vqvae(wildcards)} if wildcards.method == "codec_ceiling" else {}


def reference_parts(wildcards):
    """What a reference method needs beside the images."""
    return {
        "average": {},
        "codec_ceiling": {"vqvae": vqvae(wildcards)},
        "nmf": {"dictionaries": f"results/{wildcards.images}/nmf.safetensors"},
    }[wildcards.method]


def timed(wildcards):
    """Methods of the table of test mixtures that are timed, each with its sampler."""
    separation = part_of(wildcards).separation
    rows = separation.tables.sdr if part_of(wildcards) is settings else separation.tables.psnr
    return {
        name: {
            "sampler": sampler(wildcards, separation.methods[name].sampler),
            "finish": finish(wildcards, name),
        }
        for name in rows
        if name in separation.methods
    }
