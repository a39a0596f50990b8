"""The networks and tables in use: those that are given, or those made in this run."""


def given_checkpoint(path):
    """A pretrained checkpoint where one is named and wanted: relative paths start at the repository."""
    return local(str(REPOSITORY / path)) if settings.pretrained and path else None


def codec(wildcards):
    """The codec in use: the configured checkpoint or the one trained here."""
    given = given_checkpoint(dataset_of(wildcards).codec.checkpoint)
    return given or f"results/{wildcards.dataset}/codec.safetensors"


def check_given(jobs):
    """Refuse to begin where a job would read a given codec or denoiser that does not agree with the configuration."""
    for name, dataset in DATASETS.items():
        read = {str(path) for job in jobs if job.wildcards_dict.get("dataset") == name for path in job.input}
        checks = {"codec": (dataset.codec, dataset.check_given_codec)}
        denoisers = dataset.diffusion.denoisers if dataset.diffusion else {}
        for each in filter(denoisers.get, dataset.denoisers_used):
            check = partial(dataset.check_given_denoiser, each)
            checks[f"diffusion.denoisers.{each}"] = (denoisers[each], check)
        for section, (part, check) in checks.items():
            path = given_checkpoint(part.checkpoint)
            if path and str(path) in read:
                try:
                    check(Path(path))
                except (OSError, ValueError) as error:
                    raise WorkflowError(
                        f"datasets.{name}.{section}.checkpoint: {error}. No job has been started."
                    ) from None


def likelihood(wildcards):
    """The table of counts in use: the one that comes with the codec or the one counted here."""
    dataset = dataset_of(wildcards)
    given = given_checkpoint(dataset.beside_codec(dataset.likelihood.checkpoint))
    return given or f"results/{wildcards.dataset}/likelihood.safetensors"


def measured(wildcards, name):
    """What a decoder or a method asks for beside the table of counts: the file that comes with the codec, or its own."""
    dataset = dataset_of(wildcards)
    given = given_checkpoint(dataset.beside_codec(dataset.checkpoint_of(name)))
    return given or f"results/{wildcards.dataset}/{name}.safetensors"


def measured_for(wildcards, methods):
    """By name, all that these methods ask for beside the table of counts."""
    asked = dataset_of(wildcards).separation.measured_for(methods)
    return {name: measured(wildcards, name) for name in asked}


def priors(wildcards):
    """Checkpoint of the prior of every class, in the order of the classes."""
    dataset = dataset_of(wildcards)
    names = [each.prior for each in dataset.prior_of_each_class]
    trained = [f"results/{wildcards.dataset}/priors/{name}.safetensors" for name in names]
    given = [given_checkpoint(dataset.priors[name].checkpoint) for name in names]
    return [path or default for path, default in zip(given, trained)]


def tables_and_priors(wildcards, decoder):
    """The table of counts and the priors, where a decoder asks for them."""
    asked = {}
    if decoder.uses_counts:
        asked["likelihood"] = likelihood(wildcards)
    if decoder.uses_priors:
        asked["priors"] = priors(wildcards)
    return asked


def prior_of_each_class(wildcards):
    """Per class: its name, and name, classes and kind of its prior."""
    return [plain(each) for each in dataset_of(wildcards).prior_of_each_class]


def denoiser(wildcards, name):
    """A denoiser: the configured checkpoint or the one trained here."""
    given = given_checkpoint(dataset_of(wildcards).diffusion.denoisers[name].checkpoint)
    return given or f"results/{wildcards.dataset}/denoisers/{name}.safetensors"


def separator(wildcards, name):
    """A network that learnt from true mixtures: the configured checkpoint or the one trained here."""
    given = given_checkpoint(dataset_of(wildcards).supervised.checkpoints.get(name))
    return given or f"results/{wildcards.dataset}/separators/{name}.safetensors"
