"""What the Frechet distance compares: estimates, the images that they are compared with, and by which network."""

INCEPTION = f"results/weights/{PUBLIC_FILES['inception_fid'].name}"


def inception(wildcards):
    """Weights of the network that makes features: the user's, or those that are fetched."""
    return dataset_of(wildcards).fid_files["weights"] or INCEPTION


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
    return given or f"results/{wildcards.dataset}/features.npz"


def features_of_rows(wildcards):
    """Statistics of the estimates of every row."""
    dataset = dataset_of(wildcards)
    folder = f"results/{wildcards.dataset}/{dataset.fid.split}/features"
    return [f"{folder}/{method}.npz" for method in dataset.fid_rows]


def estimates_compared(wildcards):
    """Every shard of the estimates of every row: they say how they were computed."""
    dataset = dataset_of(wildcards)
    return estimates_of(wildcards, dataset.fid_rows, dataset.fid.split)
