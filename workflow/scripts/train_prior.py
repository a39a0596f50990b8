"""Train one autoregressive prior on the codes of its source classes."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.compute.devices import choose_device
from lass.data.batches import CodeBatches
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.settings import PriorSettings
from lass.models.transformer import Transformer, shape_of
from lass.runtime import logged
from lass.tokens import codebook_of, read_tokens, sequences
from lass.training import Run, train_to_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params, settings = snakemake.params, PriorSettings(**snakemake.params.prior)
    device = choose_device(snakemake.resources.device)
    table = read_tokens([Path(path) for path in snakemake.input.train])
    codebook, codes = codebook_of(table)
    validation = read_tokens([Path(path) for path in snakemake.input.validation], codebook=codebook)
    batches = {
        split: CodeBatches(
            [sequences(rows, source=name) for name in settings.classes],
            length=params.tokens,
            batch=settings.training.batch,
            device=device,
            conditional=settings.conditional,
        )
        for split, rows in (("train", table), ("validation", validation))
    }
    shape = shape_of(settings, codes=codes, context=params.tokens)
    network = new_network(Transformer, shape, seed=params.seed, dropout=settings.dropout).to(device)
    made = {"config": params.prior, "classes": settings.classes, "codebook": codebook}
    made |= {"data": {split: part.digest for split, part in batches.items()}}
    run = Run(
        draw_batch=batches["train"].draw,
        validation=batches["validation"].tiled(limit=settings.windows),
        settings=settings.training,
        seed=params.seed,
        made=made,
        code=params.code,
        state_path=Path(params.state),
    )
    path = Path(snakemake.output.checkpoint)
    train_to_file(network, run, write=lambda origin: write_checkpoint(path, network, provenance=origin))
