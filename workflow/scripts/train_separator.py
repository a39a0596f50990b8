"""Train a network that separates, on mixtures of the training items."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.compute.devices import choose_device
from lass.data.audio.tracks import open_tracks
from lass.data.batches import MixtureBatches
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.models.separators import SETTINGS, new_separator, parameters_of, write_separator
from lass.runtime import logged
from lass.training import Run, train_to_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    data, mixing = AudioLibrarySettings(**params.library), Mixing(**params.mixing)
    settings = SETTINGS[params.kind](**params.network)
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
    made = {"network": params.network, "length": params.length, "mixing": params.mixing}
    made |= {"parameters": parameters_of(network)}
    made |= {"data": {split: batches.library.digest for split, batches in draws.items()}}
    run = Run(
        draw_batch=draws["train"].draw,
        validation=draws["validation"].fixed(params.seed, batches=settings.training.validation_batches),
        settings=settings.training,
        seed=params.seed,
        made=made,
        code=params.code,
        state_path=Path(params.state),
    )

    def write(origin: dict[str, Any]) -> None:
        """The network, and where it comes from."""
        path = Path(snakemake.output.checkpoint)
        told: dict[str, Any] = {"classes": mixing.sources or data.classes, "rate": data.rate}
        write_separator(path, network, **told, provenance=origin)

    train_to_file(network, run, write=write)
