"""Jukebox's public checkpoints as parts of models: sizes from the tensors, every name and shape checked."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from lass.models.pretrained.checking import complain, count, fit_weights, numbers_of, without
from lass.models.pretrained.jukebox_codec import KIND as VQVAE
from lass.models.pretrained.jukebox_codec import RATE, JukeboxShape, JukeboxVqvae, public_places
from lass.models.pretrained.jukebox_prior import KIND as PRIOR
from lass.models.pretrained.jukebox_prior import JukeboxPriorShape, JukeboxTransformer
from lass.models.pretrained.jukebox_prior import public_places as places_of_prior
from lass.models.pretrained.pickles import read_weights
from lass.models.pretrained.registry import JUKEBOX_LICENCE, KINDS
from lass.models.pretrained.stored import (
    CODEC,
    check_files,
    codebook_beside,
    identity_of,
    prior_file,
    shapes_of,
    source_of,
    source_of_prior,
    without_memory,
    write_part,
)

BLOCKS = 64
"""That the context of a public prior is divided into."""


def import_jukebox_vqvae(files: Sequence[Path], out: Path) -> Path:
    """Write the top level of Jukebox's VQ-VAE (`vqvae.pth.tar`) as the codec in the model's folder `out`."""
    path = check_files(files, VQVAE)
    tensors = read_weights(path)
    level = top_level(path, tensors)
    shape = vqvae_shape(path, tensors, level=level)
    shapes = shapes_of(without_memory(JukeboxVqvae, shape))
    fitted = fit_weights(path, of_level(tensors, level), public_places(shape, level=level), shapes)
    provenance = source_of(path, JUKEBOX_LICENCE) | {
        "sample_rate": RATE,
        "level": level,
        "codebook": identity_of(fitted["quantizer.codebook"]),
    }
    write_part(out / CODEC, fitted, kind=VQVAE, shape=shape, provenance=provenance)
    return out / CODEC


def top_level(path: Path, tensors: Mapping[str, Tensor]) -> int:
    """The highest level that the file has."""
    levels = [int(found[1]) for name in tensors if (found := re.match(r"encoders\.(\d+)\.", name))]
    if not levels:
        complain(path, "has no encoders.0 of Jukebox's VQ-VAE, but", set(tensors))
    return max(levels)


def of_level(tensors: Mapping[str, Tensor], level: int) -> dict[str, Tensor]:
    """All tensors but those of the levels below."""
    below = rf"(encoders|decoders|bottleneck\.level_blocks)\.[0-{max(level - 1, 0)}]\."
    return dict(tensors) if level == 0 else without(tensors, below)


def vqvae_shape(path: Path, tensors: Mapping[str, Tensor], *, level: int) -> JukeboxShape:
    """The sizes of a level; ValueError where the tensors that tell them are missing."""
    begin = f"encoders.{level}.level_blocks"
    halvings: list[int] = []
    while f"{begin}.{len(halvings)}.model.0.0.weight" in tensors:
        stage = f"{begin}.{len(halvings)}.model"
        halvings.append(count(tensors, stage + ".{}.0.weight"))
    depth = count(tensors, f"{begin}.0.model.0.1.model." + "{}.model.1.weight")
    codes, channels = numbers_of(path, tensors, f"bottleneck.level_blocks.{level}.k", dimensions=2)
    hidden, width, _ = numbers_of(
        path, tensors, f"{begin}.0.model.0.1.model.0.model.1.weight", dimensions=3
    )  # fmt: skip
    return JukeboxShape(codes, channels, tuple(halvings), width, hidden, depth)


def import_jukebox_prior(
    files: Sequence[Path], out: Path, *, name: str, classes: Sequence[str] = (), blocks: int = BLOCKS
) -> Path:
    """Write a prior of Jukebox's top level without labels as the prior `name` in the model's folder `out`.

    It is of the codec that is in the folder already, and of `classes`, by default one of its own name.
    `blocks`: that its context is divided into.
    """
    path, part = check_files(files, PRIOR), out / prior_file(name)
    codebook = codebook_beside(out)
    tensors = read_weights(path)
    shape = prior_shape(path, tensors, blocks=blocks)
    shapes = shapes_of(without_memory(JukeboxTransformer, shape))
    fitted = fit_weights(path, tensors, places_of_prior(shape.layers), shapes)
    source = source_of_prior(path, KINDS[PRIOR].licence, codes=shape.codes, codebook=codebook)
    provenance = source | {"classes": list(classes) or [name]}
    write_part(part, fitted, kind=PRIOR, shape=shape, provenance=provenance)
    return part


def prior_shape(path: Path, tensors: Mapping[str, Tensor], *, blocks: int) -> JukeboxPriorShape:
    """The sizes of a prior; ValueError where tensors that tell them are missing, or blocks are uneven."""
    layer = "prior.transformer._attn_mods"
    codes, width = numbers_of(path, tensors, "prior.x_emb.weight", dimensions=2)
    context, _ = numbers_of(path, tensors, "prior.pos_emb.pos_emb", dimensions=2)
    attended, _ = numbers_of(path, tensors, f"{layer}.0.attn.c_proj.w", dimensions=2)
    _, hidden = numbers_of(path, tensors, f"{layer}.0.mlp.c_fc.w", dimensions=2)
    if blocks < 1 or context % blocks:
        raise ValueError(
            f"{path}: a context of {context} tokens is not {blocks} equal blocks; give the number that it "
            "was trained with"
        )
    return JukeboxPriorShape(
        codes=codes,
        context=context,
        block=context // blocks,
        layers=count(tensors, layer + ".{}.attn.c_attn.w"),
        width=width,
        attended=attended,
        hidden=hidden,
    )
