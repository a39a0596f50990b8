"""Tiny files in the layout of taming-transformers and of GPT-2, of recorded weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from tests.recorded.reading import recorded

FILE = Path("last.ckpt")
"""A file for errors to name."""
HEADS = 2
CODES = 24


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the prefix before their names."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def vqgan_tensors() -> dict[str, Tensor]:
    """A VQ-GAN with 24 codes and a hop of 4."""
    return recorded("taming_vqgan").published


def transformer_tensors() -> dict[str, Tensor]:
    """A transformer of 20 codes and 9 tokens, and the VQ-GAN of other codes that stands beside it."""
    prior = below("transformer.", recorded("taming_gpt").published)
    return prior | below("first_stage_model.", vqgan_tensors())


def fitting_tensors() -> dict[str, Tensor]:
    """The same, the transformer with 4 codes more: as many as the VQ-GAN has."""
    tensors = transformer_tensors()
    return tensors | widened(tensors, "transformer.tok_emb.weight", "transformer.head.weight")


def gpt2_tensors(*, codes: int = 20) -> dict[str, Tensor]:
    """A GPT-2 whose head is the embedding, as its files hold it."""
    tensors = recorded("gpt2").published
    if codes == CODES:
        tensors |= widened(tensors, "transformer.wte.weight")
    return tensors | {"lm_head.weight": tensors["transformer.wte.weight"].clone()}


def widened(tensors: Mapping[str, Tensor], *names: str) -> dict[str, Tensor]:
    """Those of these names, with rows for 24 codes in the place of 20."""
    return {name: torch.cat([tensors[name], tensors[name][: CODES - 20]]) for name in names}


def write_file(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    """The tensors as a training script leaves them."""
    torch.save({"state_dict": dict(tensors), "global_step": 1}, path)
    return path
