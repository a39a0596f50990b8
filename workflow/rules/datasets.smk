"""What a data set is made from, and what its readers have to know about it."""

# Number of the first song of a split: splits stay apart however many songs they have.
FIRST_SONG = {"train": 1, "validation": 100_001, "test": 200_001}
MNIST_FILES = [
    f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
]


def songs(wildcards):
    """Folder of a split's songs, in Slakh's layout: composed here, or the user's."""
    if settings.slakh.source == "mini":
        return f"results/slakh/mini/{wildcards.split}"
    return f"{settings.slakh.root}/{wildcards.split}"


def original_images(wildcards):
    """What the images of a split are read from: MNIST's files, fetched here or the user's, or a folder."""
    part = part_of(wildcards)
    if part.source == "folder":
        return [f"{part.root}/{wildcards.split}"]
    if part.root is None:
        return [f"results/{wildcards.images}/idx/{name}.gz" for name in MNIST_FILES]
    paths = [Path(part.root) / name for name in MNIST_FILES]
    return [str(path) if path.is_file() else f"{path}.gz" for path in paths]


def library(wildcards):
    """What every reader of the sources has to know about them."""
    part = part_of(wildcards)
    data = {"rate": settings.slakh.sample_rate} if part is settings else {"image": list(part.image)}
    return data | {"classes": part.classes}


def codec(wildcards):
    """What a VQ-VAE has to agree on with the configuration."""
    part = part_of(wildcards)
    data = {"rate": settings.slakh.sample_rate} if part is settings else {}
    return data | {"hop": part.vqvae.hop}


def alterations(wildcards):
    """How copies of training images are altered; none for music."""
    if part_of(wildcards) is settings:
        return None
    return part_of(wildcards).augmentation.model_dump(exclude={"copies"})


def copies(wildcards):
    """Copies of an image whose codes the priors see beside its own: of training images alone."""
    if part_of(wildcards) is settings or wildcards.split != "train":
        return 0
    return part_of(wildcards).augmentation.copies


def data_name(wildcards):
    """What a table calls the data set: music says where it comes from."""
    name = dataset_of(wildcards)
    return f"{name}-{settings.slakh.source}" if name == "slakh" else name


def symmetric(wildcards):
    """Whether every order of the addends is counted: the images of a mixture have no order."""
    return part_of(wildcards) is not settings or settings.likelihood.symmetric


def counting(wildcards):
    """How tuples are drawn: what one group of random mixtures is."""
    values = part_of(wildcards).likelihood.model_dump(exclude={"tuples", "symmetric", "noise"})
    values["mixtures"] = values.pop("mixtures_per_group")
    return values
