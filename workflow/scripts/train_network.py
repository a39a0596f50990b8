"""Train the learned likelihood: a network that hears mixtures of the training items."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.compute.devices import choose_device
from lass.compute.seeds import generator
from lass.data.audio.tracks import open_tracks
from lass.data.batches import LabelledBatches
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.models.checkpoint import new_network
from lass.models.codec import open_codec
from lass.models.likelihood_network import LikelihoodNetwork, shape_of, write_network
from lass.models.settings import CodecCheck, NetworkSettings
from lass.runtime import logged
from lass.training import Run, train_to_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    device = choose_device(snakemake.resources.device)
    data, mixing = AudioLibrarySettings(**params.library), Mixing(**params.mixing)
    settings, sources = NetworkSettings(**params.network), mixing.sources or data.classes
    codec = open_codec(Path(given.codec), CodecCheck(**params.check), device=device)
    draws = {
        split: LabelledBatches(
            open_tracks(Path(folder), data, shortest=params.length),
            codec=codec,
            sources=sources,
            weights=mixing.weights,
            length=params.length,
            batch=settings.training.batch,
            related=settings.related,
        )
        for split, folder in (("train", given.train), ("validation", given.validation))
    }
    shape = shape_of(settings, codec=codec, sources=len(sources))
    network = new_network(LikelihoodNetwork, shape, seed=params.seed).to(device)
    unseen = draws["validation"].fixed(params.seed, batches=settings.training.validation_batches)
    made = {"network": params.network, "length": params.length, "mixing": params.mixing}
    made |= {"data": {split: batches.library.digest for split, batches in draws.items()}}
    run = Run(
        draw_batch=draws["train"].draw,
        validation=unseen,
        settings=settings.training,
        seed=params.seed,
        made=made | {"codebook": codec.identity},
        code=params.code,
        state_path=Path(params.state),
    )

    def write(origin: dict[str, Any]) -> None:  # the network, calibrated, and where it comes from
        rng, path = generator(params.seed, "frequencies"), Path(snakemake.output.network)
        network.calibrate((draws["train"].draw(rng) for _ in range(settings.calibration_batches)), unseen)
        about: dict[str, Any] = {"sources": sources, "weights": mixing.weights, "codebook": codec.identity}
        write_network(path, network, **about, provenance=origin)

    train_to_file(network, run, write=write)
