"""GPT-2 as the library transformers stores it, made a prior of this project.

The priors of the paper's MNIST experiment are of this kind: 256 codes, 49 positions, width 128, 3 layers,
2 heads, and code 0 before every sequence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lass.models.pretrained.checking import Place, count, fit_weights, numbers_of, without
from lass.models.pretrained.configuration import heads_of, told_apart, told_by
from lass.models.pretrained.gpt import KIND, Gpt, GptShape, told_classes
from lass.models.pretrained.pickles import read_weights
from lass.models.pretrained.registry import KINDS
from lass.models.pretrained.stored import (
    check_files,
    codebook_beside,
    filled,
    prior_file,
    shapes_of,
    source_of_prior,
    tensors_of,
    without_memory,
    write_part,
)

PREFIX = "transformer."  # before all names but that of the head, where a file has a head
HEAD = "lm_head.weight"
MASKS = r"h\.\d+\.attn\.(bias|masked_bias)$"  # of causal attention: they are computed
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu"}

_LAYERS = (  # of a block: ours, what it is called there, whether it is a matrix from inputs to outputs
    ("attention_norm", "ln_1", False),
    ("qkv", "attn.c_attn", True),
    ("project", "attn.c_proj", True),
    ("forward_norm", "ln_2", False),
    ("expand", "mlp.c_fc", True),
    ("contract", "mlp.c_proj", True),
)


def public_places(layers: int) -> dict[str, Place]:
    """Name of every tensor of a file but the head, without the prefix -> its place in the network."""
    places = {"wte.weight": Place("embed.weight"), "wpe.weight": Place("places.weight")}
    for end in ("weight", "bias"):
        places[f"ln_f.{end}"] = Place(f"norm.{end}")
        for index in range(layers):
            for ours, theirs, matrix in _LAYERS:
                place = Place(f"blocks.{index}.{ours}.{end}", transposed=matrix and end == "weight")
                places[f"h.{index}.{theirs}.{end}"] = place
    return places


def convert_gpt2(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    heads: int,
    classes: int = 1,
    activation: str = "gelu_new",
) -> Gpt:
    """The prior whose `tensors`, of the file at `path`, have the names of GPT-2; ready for inference.

    `heads` and `activation` are in its configuration (`n_head`, `activation_function`), no tensor tells them.
    `classes`: how many codes stand for classes at the start; with one, sequences begin with code 0.
    ValueError, with the names, where tensors are missing, unknown or of another shape.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation {activation!r} is not known: it must be one of {sorted(ACTIVATIONS)}")
    own = without({name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}, MASKS)
    codes, width = numbers_of(path, own, "wte.weight", dimensions=2)
    tied = HEAD not in own or torch.equal(own[HEAD], own["wte.weight"])
    shape = GptShape(
        codes=codes,
        classes=classes,
        context=numbers_of(path, own, "wpe.weight", dimensions=2)[0],
        layers=count(own, "h.{}.ln_1.weight"),
        width=width,
        heads=heads,
        hidden=numbers_of(path, own, "h.0.mlp.c_fc.weight", dimensions=2)[1],
        activation=ACTIVATIONS[activation],
        tied=tied,
    )
    places = public_places(shape.layers)
    if HEAD in own:
        places[HEAD] = Place("embed.weight" if tied else "head.weight")
    network = without_memory(Gpt, shape)
    return filled(network, fit_weights(path, own, places, shapes_of(network)))


def import_gpt2(
    files: Sequence[Path], out: Path, *, name: str, heads: int | None = None, classes: Sequence[str] = ()
) -> Path:
    """Write the GPT-2 of a published file as the prior `name` in the model's folder `out`.

    It is of the codec that is in the folder already. One of `files` may be its `config.json`, which tells the
    heads and the activation, by default that of GPT-2. `classes` are those of which it is told one, as of
    `told_classes`. ValueError as of `convert_gpt2`, and where nothing tells the heads.
    """
    weights, configurations = told_apart(files)
    path = check_files(weights, "gpt2")
    part, codebook = out / prior_file(name), codebook_beside(out)
    number, told = told_classes(classes)
    network = convert_gpt2(
        path,
        read_weights(path),
        heads=heads_of(heads, configurations),
        classes=number,
        activation=told_by(configurations, "activation_function", str) or "gelu_new",
    )
    shape = network.shape
    source = source_of_prior(path, KINDS["gpt2"].licence, codes=shape.codes, codebook=codebook)
    write_part(part, tensors_of(network), kind=KIND, shape=shape, provenance=source | told)
    return part
