"""Random checkpoints in the layout of Jukebox's public files, at any size, written down from their tables."""

from collections.abc import Iterator

import torch
from torch import Tensor

HALVINGS = (3, 2, 2)

Sizes = Iterator[tuple[str, tuple[int, ...]]]


def level_sizes(level: int, *, codes: int, emb: int, width: int, depth: int) -> Sizes:
    """Name and shape of every tensor of one level of the VQ-VAE."""
    yield f"bottleneck.level_blocks.{level}.k", (codes, emb)
    for block in range(level + 1):
        stages = HALVINGS[block]
        encoder = f"encoders.{level}.level_blocks.{block}.model"
        decoder = f"decoders.{level}.level_blocks.{block}.model"
        for stage in range(stages):
            inputs = width if stage else (emb if block else 1)
            yield from convolution(f"{encoder}.{stage}.0", width, inputs, 4)
            yield from residuals(f"{encoder}.{stage}.1", width, depth)
        yield from convolution(f"{encoder}.{stages}", emb, width, 3)
        yield from convolution(f"{decoder}.0", width, emb, 3)
        for stage in range(1, stages + 1):
            yield from residuals(f"{decoder}.{stage}.0", width, depth)
            outputs = width if stage < stages else emb
            yield f"{decoder}.{stage}.1.weight", (width, outputs, 4)
            yield f"{decoder}.{stage}.1.bias", (outputs,)
    yield from convolution(f"decoders.{level}.out", 1, emb, 3)


def convolution(name: str, outputs: int, inputs: int, kernel: int) -> Sizes:
    yield f"{name}.weight", (outputs, inputs, kernel)
    yield f"{name}.bias", (outputs,)


def residuals(name: str, width: int, depth: int) -> Sizes:
    for index in range(depth):
        yield from convolution(f"{name}.model.{index}.model.1", width, width, 3)
        yield from convolution(f"{name}.model.{index}.model.3", width, width, 1)


def prior_sizes(*, codes: int, context: int, layers: int, width: int, inner: int, hidden: int) -> Sizes:
    """Name and shape of every tensor of a prior without labels."""
    yield "prior.start_token", (1, width)
    yield "prior.x_emb.weight", (codes, width)
    yield "prior.pos_emb.pos_emb", (context, width)
    for layer in range(layers):
        begin = f"prior.transformer._attn_mods.{layer}"
        for name, inputs, outputs in (
            ("attn.c_attn", width, 3 * inner),
            ("attn.c_proj", inner, width),
            ("mlp.c_fc", width, hidden),
            ("mlp.c_proj", hidden, width),
        ):
            yield f"{begin}.{name}.w", (inputs, outputs)
            yield f"{begin}.{name}.b", (outputs,)
        for norm in ("ln_0", "ln_1"):
            yield f"{begin}.{norm}.weight", (width,)
            yield f"{begin}.{norm}.bias", (width,)
    yield "prior.x_out.weight", (codes, width)


def random_weights(sizes: Sizes, *, seed: int = 0, scale: float = 1.0) -> dict[str, Tensor]:
    """Numbers that keep activations of order one; `x_out` is the embedding again."""
    draw = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in sizes:
        fans = max(1, torch.tensor(shape[1:]).prod().item()) if len(shape) > 1 else 1.0
        if name.endswith((".w", ".1.weight")) and len(shape) == 2:
            fans = shape[0]
        drawn = torch.randn(shape, generator=draw)
        if name.endswith((".k", "x_emb.weight", "pos_emb", "start_token")):
            fans = 1.0
        if name.endswith((".bias", ".b")):
            drawn = 0.1 * drawn
        if ".ln_" in name and name.endswith(".weight"):
            drawn = 1 + 0.1 * drawn
        weights[name] = scale * drawn / fans**0.5 if len(shape) > 1 else drawn
    if "prior.x_out.weight" in weights:
        weights["prior.x_out.weight"] = weights["prior.x_emb.weight"]
    return weights


def random_vqvae(*, levels: int = 3, seed: int = 0, **sizes: int) -> dict[str, Tensor]:
    """All levels of a VQ-VAE; those below the top are of another width and depth."""
    values = {"codes": 16, "emb": 5, "width": 4, "depth": 2} | sizes
    held: dict[str, Tensor] = {}
    for level in range(levels):
        other = {} if level == levels - 1 else {"width": values["width"] + 1, "depth": 1}
        held |= random_weights(level_sizes(level, **(values | other)), seed=seed + level)
    return held
