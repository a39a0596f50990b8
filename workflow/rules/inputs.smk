"""What rules read: the files of a method, every method of a table, every shard of it."""


def files_of_decoder(wildcards):
    """What a decoder needs beside the codec and the mixtures."""
    decoder = dataset_of(wildcards).separation.decoders[wildcards.decoder]
    asked = {name: measured(wildcards, name) for name in sorted(decoder.measured)}
    return asked | tables_and_priors(wildcards, decoder)


def files_of_method(wildcards):
    """What a method needs beside the mixtures, by its family."""
    dataset, name, folder = dataset_of(wildcards), wildcards.method, f"results/{wildcards.dataset}"
    family = dataset.family[name]
    if family == "supervised":
        return {"network": separator(wildcards, name)}
    if family == "class_nmf":
        return {"dictionaries": f"{folder}/nmf.safetensors"}
    if family == "ceiling":
        return {"codec": codec(wildcards)}
    if family == "diffusion":
        return {f"denoiser_{each}": denoiser(wildcards, each) for each in dataset.denoisers_used}
    return latent_files(wildcards) if family == "latent" else {}


def runs_network(wildcards):
    """1 for a method that runs a network, 0 for one that does not: its estimates say that a CPU made them."""
    return int(dataset_of(wildcards).runs_network(wildcards.method))


def gpus_of_method(wildcards):
    """GPUs that a method asks for: those that run no network ask for none."""
    return GPUS if runs_network(wildcards) else 0


def latent_files(wildcards):
    """What a method of the family latent needs: candidates of its shard, the codec, and what that loses."""
    method = dataset_of(wildcards).separation.methods[wildcards.method]
    folder = f"results/{wildcards.dataset}"
    shard = f"{folder}/{wildcards.split}/candidates/{method.decoder}/{wildcards.scatteritem}.parquet"
    asked = {name: measured(wildcards, name) for name in sorted(method.measured)}
    return {"candidates": shard, "codec": codec(wildcards), **asked}


def candidates_behind(wildcards):
    """Candidates behind a shard's estimates, whose uncounted codes are reported: of decoders by counts only."""
    dataset, method = dataset_of(wildcards), wildcards.method
    if dataset.family[method] != "latent" or not dataset.separation.decoder_of(method).uses_counts:
        return {}
    return {"candidates": latent_files(wildcards)["candidates"]}


def scores_of_table(wildcards):
    """Every shard of the scores of every method of a table."""
    table = dataset_of(wildcards).tables[wildcards.table]
    folder = f"results/{wildcards.dataset}/{table.split}/scores"
    shards = gather.mixtures("{scatteritem}.csv")
    return [f"{folder}/{method}/{shard}" for method in table.rows for shard in shards]


def estimates_of(wildcards, methods, split):
    """Every shard of the estimates of these methods."""
    shards = gather.mixtures("{scatteritem}.safetensors")
    return [f"results/{wildcards.dataset}/{split}/{name}/{shard}" for name in methods for shard in shards]


def estimates_of_table(wildcards):
    """Every shard of the estimates of every method of a table: they say how they were computed."""
    table = dataset_of(wildcards).tables[wildcards.table]
    return estimates_of(wildcards, table.rows, table.split)


def pictured_estimates(wildcards):
    """Every shard of the estimates of the methods to look at and to listen to."""
    return estimates_of(wildcards, dataset_of(wildcards).pictured, "test")


def pictured_estimates_of_table(wildcards):
    """The same of the methods of a table."""
    dataset, table = dataset_of(wildcards), wildcards.table
    return estimates_of(wildcards, dataset.pictured_of(table), dataset.tables[table].split)


def mixtures_of_table(wildcards):
    """The mixtures that a table is about, and their sources."""
    folder, split = f"results/{wildcards.dataset}", dataset_of(wildcards).tables[wildcards.table].split
    return {"sources": f"{folder}/sources/{split}", "mixtures": f"{folder}/mixtures/{split}.parquet"}


def labels_of_pictured(wildcards):
    """Label of every class, by method to look at."""
    dataset = dataset_of(wildcards)
    return {name: dataset.labels(name) for name in dataset.pictured}


def candidates_shown(wildcards):
    """Every shard of the candidates to look at."""
    shards = gather.mixtures("{scatteritem}.parquet")
    decoder = dataset_of(wildcards).shown_decoder
    return [f"results/{wildcards.dataset}/test/candidates/{decoder}/{shard}" for shard in shards]


def tokens_to_evaluate(wildcards):
    """Token tables of unseen data, by split."""
    shards = gather.tokens("{scatteritem}.parquet")
    folder = f"results/{wildcards.dataset}/tokens"
    splits = dataset_of(wildcards).splits_to_evaluate
    return {split: [f"{folder}/{split}/{shard}" for shard in shards] for split in splits}


def settings_behind(wildcards):
    """What a table was made with: nothing of other data sets, and not where it was run."""
    general = {"seed": settings.seed, "pretrained": settings.pretrained}
    return general | {wildcards.dataset: plain(dataset_of(wildcards))}


def tables_of_all(wildcards):
    """The same table of every data set that is asked for: of scores, as far as they have it."""
    name = wildcards.table
    if name in ("sdr", "psnr"):
        having = [each for each in settings.targets if name in DATASETS[each].tables]
        if not having:
            raise WorkflowError(
                f"none of the targets {settings.targets} has a table {name}: name one that has"
            )
        return [f"results/{each}_{name}.csv" for each in having]
    if name == "timing":
        return [
            f"results/{each}/test/seconds/{row}.csv"
            for each in settings.targets
            for row in DATASETS[each].tables[DATASETS[each].main].rows
        ]
    return [f"results/{each}/{name}.csv" for each in settings.targets]


def final_files(wildcards):
    """What `rule all` makes for the targets of the configuration."""
    files = ["results/density.csv", "results/priors.csv"]
    for name in settings.targets:
        main = DATASETS[name].main
        files += [f"results/{name}_{main}.{suffix}" for suffix in ("csv", "png", "html")]
        files += [f"results/{name}_separations.png", f"results/{name}_examples"]
    return files


def batch_of_method(wildcards):
    """Mixtures that a method separates at once."""
    dataset = dataset_of(wildcards)
    by_diffusion = dataset.family[wildcards.method] == "diffusion"
    return (dataset.diffusion if by_diffusion else dataset.separation).batch
