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
    """Times of the methods of a table that lists them."""
    table = dataset_of(wildcards).tables[wildcards.table]
    folder = f"results/{wildcards.dataset}/{table.split}/seconds"
    return [f"{folder}/{row}.csv" for row in table.rows if table.seconds]


def decoding_of_method(wildcards):
    """What the decoder of a method by LASS is told; None for other methods."""
    dataset, method = dataset_of(wildcards), wildcards.method
    if dataset.family[method] != "latent":
        return None
    decoder = dataset.separation.methods[method].decoder
    return plain(dataset.decoding_job(decoder, seed=settings.seed))


def files_of_timing(wildcards):
    """Files that a method needs beside mixtures; one by LASS what its decoder needs, in place of candidates."""
    dataset, method = dataset_of(wildcards), wildcards.method
    if dataset.family[method] != "latent":
        return files_of_method(wildcards)
    asked = measured_for(wildcards, [method]) | {"codec": codec(wildcards)}
    return asked | tables_and_priors(wildcards, dataset.separation.decoder_of(method))


def code_of_timing(wildcards):
    """Fingerprint of what separates by a method and no other."""
    family = dataset_of(wildcards).family[wildcards.method]
    return code(
        "time_method", f"lass.methods.{family}", *(["lass.methods.whole"] if family == "latent" else [])
    )
