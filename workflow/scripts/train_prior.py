"""Train one autoregressive prior on the codes of its source classes."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass import __version__
from lass.data.batches import CodeBatches
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.transformer import Transformer, TransformerShape
from lass.runtime import choose_device, logged
from lass.tokens import codebook_of, read_tokens, sequences
from lass.training import Schedule, train

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params, settings = snakemake.params, snakemake.params.prior
    device = choose_device(snakemake.resources.device)
    table = read_tokens([Path(path) for path in snakemake.input.train])
    codebook, codes = codebook_of(table)
    validation = read_tokens([Path(path) for path in snakemake.input.validation], codebook=codebook)
    batches = {
        split: CodeBatches(
            [sequences(rows, source=name) for name in settings["classes"]],
            length=params.tokens,
            batch=settings["training"]["batch"],
            device=device,
            conditional=settings["conditional"],
        )
        for split, rows in (("train", table), ("validation", validation))
    }
    sizes = {field.name: settings[field.name] for field in fields(TransformerShape) if field.name in settings}
    sizes |= {"classes": len(settings["classes"]) if settings["conditional"] else 1}
    shape = TransformerShape(codes=codes, context=params.tokens, **sizes)
    network = new_network(Transformer, shape, seed=params.seed, dropout=settings["dropout"]).to(device)
    made = {"config": settings, "classes": settings["classes"], "codebook": codebook, "seed": params.seed}
    made |= {"lass": __version__, "torch": torch.__version__}
    made |= {"data": {split: part.digest for split, part in batches.items()}}
    training = {name: value for name, value in settings["training"].items() if name != "batch"}
    progress = train(
        network,
        draw_batch=batches["train"].draw,
        validation=batches["validation"].tiled(limit=params.windows),
        schedule=Schedule(**training),
        seed=params.seed,
        state_path=Path(params.state),
        fingerprint=made | {"code": params.code},
    )
    write_checkpoint(
        Path(snakemake.output.checkpoint), network, provenance=made | {"training": vars(progress)}
    )
    Path(params.state).unlink(missing_ok=True)
