"""Train the learned likelihood: a network that hears mixtures of the training items."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.compute.devices import choose_device
from lass.compute.seeds import generator
from lass.data.audio.tracks import open_tracks
from lass.data.batches import LabelledBatches
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.models.codec import open_codec
from lass.models.likelihood_network import new_network, shape_of, write_network
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
            device=device,
        )
        for split, folder in (("train", given.train), ("validation", given.validation))
    }
    network = new_network(shape_of(settings, codec=codec, sources=len(sources)), seed=params.seed).to(device)
    unseen = draws["validation"].fixed(params.seed, batches=16)
    digests = {split: batches.library.digest for split, batches in draws.items()}
    made = {"network": params.network, "length": params.length, "mixing": params.mixing, "data": digests}
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
        rng = generator(params.seed, "frequencies")
        network.calibrate((draws["train"].draw(rng) for _ in range(64)), unseen)
        logger.info("temperatures %s", network.temperature.tolist())
        where = Path(snakemake.output.network)
        write_network(where, network, classes=sources, codebook=codec.identity, provenance=origin)

    train_to_file(network, run, write=write)
