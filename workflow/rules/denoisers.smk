"""What methods by diffusion priors read, how many mixtures they take at once, and which methods a table times."""


def denoiser(wildcards, name):
    """A denoiser: the configured checkpoint or the one trained here."""
    given = given_checkpoint(dataset_of(wildcards).diffusion.denoisers[name].checkpoint)
    return given or f"results/{wildcards.dataset}/denoisers/{name}.safetensors"


def batch_of_method(wildcards):
    """Mixtures that a method separates at once."""
    dataset = dataset_of(wildcards)
    if dataset.family[wildcards.method] == "diffusion":
        return dataset.diffusion.batch
    return dataset.separation.batch


def seconds_of_table(wildcards):
    """Times of the methods of a table that lists them, but for those that need candidates."""
    dataset = dataset_of(wildcards)
    table = dataset.tables[wildcards.table]
    timed = [row for row in table.rows if table.seconds and dataset.family[row] != "latent"]
    return [f"results/{wildcards.dataset}/{table.split}/seconds/{row}.csv" for row in timed]
