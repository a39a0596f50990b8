"""What is compared: estimates and images by the Frechet distance and its network; mixtures as they are and
shifted; the time that methods take."""

INCEPTION = f"results/weights/{PUBLIC_FILES['inception_fid'].name}"


def inception(wildcards):
    """Weights of the network that makes features: the user's, or those that are fetched."""
    given = dataset_of(wildcards).fid_files["weights"]
    return local(given) if given else INCEPTION


def images_of_reference(wildcards):
    """What the estimates are compared with: all images of a split, or the true sources of the mixtures."""
    fid, folder = dataset_of(wildcards).fid, f"results/{wildcards.dataset}"
    if fid.reference != "sources":
        return {"sources": f"{folder}/sources/{fid.reference}"}
    return {
        "sources": f"{folder}/sources/{fid.split}",
        "mixtures": f"{folder}/mixtures/{fid.split}.parquet",
    }


def reference_statistics(wildcards):
    """Statistics of what the estimates are compared with: the user's, or those measured here."""
    given = dataset_of(wildcards).fid_files["statistics"]
    return local(given) if given else f"results/{wildcards.dataset}/features.npz"


def features_of_rows(wildcards):
    """Statistics of the estimates of every row."""
    dataset = dataset_of(wildcards)
    folder = f"results/{wildcards.dataset}/{dataset.fid.split}/features"
    return [f"{folder}/{method}.npz" for method in dataset.fid_rows]


def estimates_compared(wildcards):
    """Every shard of the estimates of every row: they say how they were computed."""
    dataset = dataset_of(wildcards)
    return estimates_of(wildcards, dataset.fid_rows, dataset.fid.split)


def shift_of(wildcards):
    """The shift that makes a split of the test mixtures."""
    return SHIFTS[wildcards.dataset][wildcards.split]


def scores_of_shifts(wildcards):
    """Every shard of the scores of every method of the table of shifts, shifted and not."""
    shards, methods = gather.mixtures("{scatteritem}.csv"), dataset_of(wildcards).shifts.methods
    return [
        f"results/{wildcards.dataset}/{split}/scores/{method}/{shard}"
        for split in ["test", *SHIFTS[wildcards.dataset]]
        for method in methods
        for shard in shards
    ]


def seconds_of_table(wildcards):
    """Times of the methods of a table that lists them, but for those that need candidates."""
    dataset = dataset_of(wildcards)
    table = dataset.tables[wildcards.table]
    timed = [row for row in table.rows if table.seconds and dataset.family[row] != "latent"]
    return [f"results/{wildcards.dataset}/{table.split}/seconds/{row}.csv" for row in timed]


def jobs_of_timing(wildcards):
    """Per method that is timed: its job, and that of its decoder."""
    dataset = dataset_of(wildcards)
    return {
        name: {
            "method": plain(dataset.method_job(name, seed=settings.seed)),
            "decoding": plain(
                dataset.decoding_job(dataset.separation.methods[name].decoder, seed=settings.seed)
            ),
        }
        for name in dataset.timed
    }


def files_of_timing(wildcards):
    """Files that one of the timed methods needs beside codec and mixtures."""
    dataset = dataset_of(wildcards)
    decoders = [dataset.separation.decoder_of(name) for name in dataset.timed]
    return measured_for(wildcards, dataset.timed) | tables_and_priors(wildcards, decoders)
