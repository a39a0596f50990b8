"""What the methods of separation need: their settings, and the files behind them."""

TIMED_BATCHES = 5  # of test mixtures


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
    return (
        f"results/{wildcards.images}/{wildcards.split}/candidates/{sampler}/{wildcards.scatteritem}.parquet"
    )


def frame_likelihood(wildcards):
    """The moments behind a sampler's likelihood of frames, where it has one."""
    likelihood = part_of(wildcards).separation.samplers[wildcards.sampler].likelihood
    return {"patches": f"results/{wildcards.images}/patches.safetensors"} if likelihood == "patches" else {}


def timed_frame_likelihood(wildcards):
    """The same where one of the methods that are timed has such a sampler."""
    needed = any(one["sampler"]["likelihood"] == "patches" for one in timed(wildcards).values())
    return {"patches": f"results/{wildcards.images}/patches.safetensors"} if needed else {}


def reference_parts(wildcards):
    """What a reference method needs beside the images."""
    return {
        "average": {},
        "codec_ceiling": {"vqvae": vqvae(wildcards)},
        "nmf": {"dictionaries": f"results/{wildcards.images}/nmf.safetensors"},
    }[wildcards.method]


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
