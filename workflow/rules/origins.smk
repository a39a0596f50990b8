"""Where the data of a data set come from: the user's files, and whether they have changed."""

DOWNLOADED = [name for name in settings.named("audio") if DATASETS[name].download]
PACKAGED = [name for name in settings.named("audio") if DATASETS[name].packages]


def contents(wildcards):
    """What of the user's folder a split is read from; None where nothing is."""
    record = f"results/{wildcards.dataset}/contents/{wildcards.split}.json"
    try:
        return dataset_of(wildcards).contents(wildcards.split, record=record)
    except (OSError, ValueError) as error:
        raise WorkflowError(f"datasets.{wildcards.dataset}: {error}") from None


def read_files(wildcards):
    """A parameter: what of the user's folder a split is read from."""
    return plain(contents(wildcards))


def fingerprint_of_files(wildcards):
    """A parameter: another one where a file of them is new, has gone or has other bytes."""
    held = contents(wildcards)
    return held and fingerprint(held)


def unless_packaged(parameter):
    """A parameter of what reads the user's folder itself; None where packages are unpacked first."""
    return lambda wildcards: None if wildcards.dataset in PACKAGED else parameter(wildcards)


def users_files(wildcards):
    """The user's files that a split is read from. Their fingerprint says whether they have changed, not a time."""
    held = contents(wildcards)
    return [local(ancient(f"{held.root}/{place}")) for place in held.places]


def data_of_split(wildcards):
    """What a split is read from."""
    folder = f"results/{wildcards.dataset}"
    if wildcards.dataset in PACKAGED:
        return f"{folder}/recordings/{wildcards.split}"
    if contents(wildcards):
        return users_files(wildcards)
    if wildcards.dataset in DOWNLOADED:
        return f"{folder}/downloaded.json"
    if wildcards.dataset in settings.named("audio"):
        return f"{folder}/songs/{wildcards.split}"
    return [f"{folder}/idx/{name}.gz" for name in files_of_split(wildcards.split)]


def root_of(dataset, wildcards):
    """The folder that a reader is told of; None for the one that the job's input lies in, wherever results are."""
    if wildcards.dataset in DOWNLOADED:
        return f"results/{wildcards.dataset}/downloaded"
    return None if dataset.source in ("composed", "packages") else dataset.expanded_root


def composed_of_split(wildcards):
    """What songs of a split are composed for: a shift has instruments of its own."""
    composed = dataset_of(wildcards).dump("composed")
    shift = SHIFTS[wildcards.dataset].get(wildcards.split)
    return {**composed, "soundfonts": shift.soundfonts} if shift else composed


def check_soundfonts(jobs):
    """Refuse to begin where songs will be composed with a SoundFont that is not there."""
    composing = [job.wildcards for job in jobs if job.rule.name == "compose_songs"]
    for wildcards in sorted(composing, key=lambda each: (each.dataset, each.split)):
        dataset, fonts = dataset_of(wildcards), composed_of_split(wildcards)["soundfonts"]
        try:
            dataset.composed.model_copy(update={"soundfonts": fonts}).check_soundfonts(
                soundfonts_at(dataset, wildcards.split)
            )
        except FileNotFoundError as error:
            raise WorkflowError(f"datasets.{wildcards.dataset}: {error}. No job has been started.") from None


def soundfonts_at(dataset, split):
    """Where the configuration of a data set names the instruments of a split."""
    kinds = dict(zip(dataset.shifts.splits, dataset.shifts.kinds)) if dataset.shifts else {}
    return f"shifts.kinds.{kinds[split]}.soundfonts" if split in kinds else "composed.soundfonts"
