"""Train a denoiser on the sources of its classes, and check it at every level of noise."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lass.compute.devices import choose_device
from lass.compute.seeds import generator
from lass.data.crops import examples, fixed, moved, open_crops
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.models.diffusion import by_class, new_denoiser, write_denoiser
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.noise_levels import check_levels
from lass.runtime import logged
from lass.training import Run, train_to_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    settings = DenoiserSettings(**params.denoiser)
    data = LIBRARY_SETTINGS.validate_python(params.library)
    device = choose_device(snakemake.resources.device)
    told: dict[str, Any] = {"classes": settings.classes, "batch": settings.training.batch}
    told |= {"length": settings.crop, "gain": settings.gain}
    crops = {
        split: open_crops(Path(folder), data, **told)
        for split, folder in (("train", given.train), ("validation", given.validation))
    }
    known = examples(crops["train"], params.seed, count=params.examples)
    unseen = examples(crops["validation"], params.seed, count=params.unseen)
    by_class(unseen, told=len(settings.classes) if settings.told else 0)  # refused before the training
    network = new_denoiser(settings, known, image=getattr(data, "image", None), seed=params.seed).to(device)
    data_of = {split: part.library.digest for split, part in crops.items()}
    run = Run(
        draw_batch=crops["train"].draw,
        validation=fixed(crops["validation"], params.seed, batches=settings.training.validation_batches),
        settings=settings.training,
        seed=params.seed,
        made={"config": params.denoiser, "data": data_of, "examples": params.examples},
        code=params.code,
        state_path=Path(params.state),
    )

    def write(origin: dict[str, Any]) -> None:
        """The network, where it comes from, and its errors and loudness level by level."""
        parts: dict[str, Any] = {"known": moved(known, device), "unseen": moved(unseen, device)}
        rng = generator(params.seed, "levels")
        checked = check_levels(network, classes=settings.classes, rng=rng, **parts)
        write_csv(pd.DataFrame([each.row for each in checked]), path=Path(snakemake.output.levels))
        path, rate = Path(snakemake.output.checkpoint), getattr(data, "rate", None)
        write_denoiser(path, network, classes=settings.classes, provenance=origin, rate=rate)

    train_to_file(network, run, write=write)
