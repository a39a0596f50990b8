"""Train a network that separates, on mixtures of the training items."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass import __version__
from lass.compute.devices import choose_device
from lass.data.audio.tracks import open_tracks
from lass.data.batches import MixtureBatches
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.models.separators import new_separator, parameters_of, write_separator
from lass.models.settings import ConvTasnet, HybridDemucs
from lass.runtime import logged
from lass.training import train

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

KINDS = {"conv_tasnet": ConvTasnet, "hybrid_demucs": HybridDemucs}

with logged(snakemake.log[0]) as logger:
    params, name = snakemake.params, snakemake.wildcards.network
    device = choose_device(snakemake.resources.device)
    data, mixing = AudioLibrarySettings(**params.library), Mixing(**params.mixing)
    settings = KINDS[name](**params.network)
    draws = {
        split: MixtureBatches(
            open_tracks(Path(folder), data, shortest=params.length),
            sources=mixing.sources or data.classes,
            weights=mixing.weights,
            length=params.length,
            batch=settings.training.batch,
            device=device,
        )
        for split, folder in (("train", snakemake.input.train), ("validation", snakemake.input.validation))
    }
    network = new_separator(settings, sources=len(mixing.weights), seed=params.seed).to(device)
    logger.info("%d parameters", parameters_of(network))
    made = {"network": params.network, "length": params.length, "seed": params.seed}
    made |= {"mixing": params.mixing, "lass": __version__, "torch": torch.__version__}
    made |= {"data": {split: batches.library.digest for split, batches in draws.items()}}
    progress = train(
        network,
        draw_batch=draws["train"].draw,
        validation=draws["validation"].fixed(params.seed, batches=16),
        settings=settings.training,
        seed=params.seed,
        state_path=Path(params.state),
        fingerprint=made | {"code": params.code},
    )
    made |= {"parameters": parameters_of(network), "progress": vars(progress)}
    write_separator(Path(snakemake.output.checkpoint), network, classes=data.classes, provenance=made)
    Path(params.state).unlink(missing_ok=True)
