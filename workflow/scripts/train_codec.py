"""Train the codec, a VQ-VAE, on the sources and on mixtures of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.compute.devices import choose_device
from lass.data.batches import open_batches
from lass.data.settings import LIBRARY_SETTINGS, Augmentation, Mixing
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.settings import AudioCodecSettings, CodecSettings
from lass.models.vqvae import Vqvae, shape_of
from lass.runtime import logged
from lass.training import Run, train_to_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

KINDS = {"audio": AudioCodecSettings, "images": CodecSettings}

with logged(snakemake.log[0]):
    params, kind = snakemake.params, KINDS[snakemake.params.library["kind"]]
    settings = kind(**params.codec)
    device = choose_device(snakemake.resources.device)
    data = LIBRARY_SETTINGS.validate_python(params.library)
    shape = shape_of(settings, image=params.library.get("image"))
    network = new_network(Vqvae, shape, seed=params.seed, **settings.factors).to(device)
    draws = {
        split: open_batches(
            Path(folder),
            data,
            mixing=Mixing(**params.mixing),
            batch=settings.training.batch,
            length=params.codec.get("crop"),
            augmentation=Augmentation(**params.altered) if params.altered and split == "train" else None,
            device=device,
        )
        for split, folder in (("train", snakemake.input.train), ("validation", snakemake.input.validation))
    }
    made = {"config": params.codec, "sample_rate": params.library.get("rate")}
    made |= {"mixing": params.mixing, "altered": params.altered}
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
    path = Path(snakemake.output.checkpoint)
    train_to_file(network, run, write=lambda origin: write_checkpoint(path, network, provenance=origin))
