"""Train the VQ-VAE on the sources and on mixtures of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lass import __version__
from lass.assembly.batches import open_batches
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.vqvae import Vqvae, VqvaeShape
from lass.runtime import choose_device, logged
from lass.training import Schedule, train

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params, settings = snakemake.params, snakemake.params.vqvae
    device = choose_device(snakemake.resources.device)
    sizes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in params.shape.items()}
    shape = VqvaeShape(**sizes)
    factors = {name: settings[name] for name in ("commitment", "spectral") if name in settings}
    network = new_network(Vqvae, shape, seed=params.seed, **factors).to(device)
    draws = {
        split: open_batches(
            Path(folder),
            params.library,
            weights=params.weights,
            batch=settings["training"]["batch"],
            length=settings.get("crop"),
            augmentation=params.augmentation if split == "train" else None,
            device=device,
        )
        for split, folder in (("train", snakemake.input.train), ("validation", snakemake.input.validation))
    }
    made = {"config": settings, "seed": params.seed, "lass": __version__, "torch": torch.__version__}
    made |= {"sample_rate": params.library.get("rate"), "weights": params.weights}
    made |= {"augmentation": params.augmentation}
    made |= {"data": {split: batches.library.digest for split, batches in draws.items()}}
    training = {name: value for name, value in settings["training"].items() if name != "batch"}
    progress = train(
        network,
        draw_batch=draws["train"].draw,
        validation=draws["validation"].fixed(params.seed, batches=16),
        schedule=Schedule(**training),
        seed=params.seed,
        state_path=Path(params.state),
        fingerprint=made | {"code": params.code},
    )
    write_checkpoint(
        Path(snakemake.output.checkpoint), network, provenance=made | {"training": vars(progress)}
    )
    Path(params.state).unlink(missing_ok=True)
