"""What the methods of separation need: their settings, and the rows of the tables."""


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


def final_files(wildcards):
    """What `rule all` makes for the data sets of the configuration."""
    music = ["results/slakh_sdr.csv", "results/slakh_sdr.png", "results/examples"]
    files = ["results/density.csv", "results/priors.csv"]
    for name in settings.datasets:
        files += music if name == "slakh" else []
    return files
