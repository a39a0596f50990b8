"""Train a supervised baseline on mixtures of the training songs."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass import __version__
from lass.data.audio.tracks import open_library
from lass.data.batches import MixtureBatches
from lass.methods.supervised import new_network, parameters_of, write_network
from lass.runtime import choose_device, logged
from lass.training import Schedule, train

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, name = snakemake.params, snakemake.wildcards.network
    device = choose_device(snakemake.resources.device)
    draws = {
        split: MixtureBatches(
            open_library(Path(folder), **params.library, shortest=params.frames),
            weights=params.weights,
            length=params.frames,
            batch=params.training["batch"],
            device=device,
        )
        for split, folder in (("train", snakemake.input.train), ("validation", snakemake.input.validation))
    }
    sources = len(params.library["classes"])
    network = new_network(name, sources=sources, sizes=params.sizes, seed=params.seed).to(device)
    logger.info("%d parameters", parameters_of(network))
    made = {"sizes": params.sizes, "training": params.training, "frames": params.frames, "seed": params.seed}
    made |= {"weights": params.weights, "lass": __version__, "torch": torch.__version__}
    made |= {"data": {split: batches.library.digest for split, batches in draws.items()}}
    progress = train(
        network,
        draw_batch=draws["train"].draw,
        validation=draws["validation"].fixed(params.seed, batches=16),
        schedule=Schedule(**{key: value for key, value in params.training.items() if key != "batch"}),
        seed=params.seed,
        state_path=Path(params.state),
        fingerprint=made | {"code": params.code},
    )
    made |= {"parameters": parameters_of(network), "progress": vars(progress)}
    write_network(
        Path(snakemake.output.checkpoint), network, classes=params.library["classes"], provenance=made
    )
    Path(params.state).unlink(missing_ok=True)
