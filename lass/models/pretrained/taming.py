"""VQ-GANs and transformers as taming-transformers publishes them, made files of this project.

A file of a transformer holds its VQ-GAN too: `first_stage_model.` and `transformer.` stand before the names.
Names, shapes and defaults: github.com/CompVis/taming-transformers (snapshot 3ba01b24).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from lass.models.pretrained.checking import (
    Place,
    Shape,
    complain,
    count,
    fit_layout,
    fit_weights,
    numbers_of,
    without,
)
from lass.models.pretrained.configuration import heads_of, told_apart
from lass.models.pretrained.diffusers import by_published_names
from lass.models.pretrained.gpt import KIND as GPT
from lass.models.pretrained.gpt import Gpt, GptShape, codes_of_classes, told_classes
from lass.models.pretrained.pickles import read_weights
from lass.models.pretrained.registry import KINDS
from lass.models.pretrained.stored import (
    CODEC,
    check_files,
    codebook_beside,
    filled,
    identity_of,
    prior_file,
    shapes_of,
    source_of,
    source_of_prior,
    tensors_of,
    without_memory,
    write_part,
)
from lass.models.pretrained.vqgan import KIND as VQGAN
from lass.models.pretrained.vqgan import Vqgan, VqganShape

FIRST_STAGE, TRANSFORMER = "first_stage_model.", "transformer."
CODEBOOK = "quantize.embedding.weight"
LOSSES = r"loss\."  # discriminator and perceptual network: nothing but training needs them
MASKS = r"blocks\.\d+\.attn\.mask$"  # of causal attention: it is computed
SIDE = 256  # pixels of the images that the published models were trained with

_LAYERS = (  # of a block: ours, and what it is called there
    ("project", "attn.proj"),
    ("expand", "mlp.0"),
    ("contract", "mlp.2"),
    ("attention_norm", "ln1"),
    ("forward_norm", "ln2"),
)
_PARTS = ("query", "key", "value", "proj")  # of attention; ours has the first three as one layer
_RENAMED = (  # ours, and what it is called there; applied one after the other
    (r"^(encoder|decoder)\.stem\.", r"\1.conv_in."),
    (r"^(encoder|decoder)\.norm\.", r"\1.norm_out."),
    (r"^(encoder|decoder)\.out\.", r"\1.conv_out."),
    (r"\.middle\.0\.", ".mid.block_1."),
    (r"\.middle\.1\.", ".mid.attn_1."),
    (r"\.middle\.2\.", ".mid.block_2."),
    (r"^encoder\.levels\.(\d+)\.resize\.convolution\.", r"encoder.down.\1.downsample.conv."),
    (r"^decoder\.levels\.(\d+)\.resize\.convolution\.", r"decoder.up.\1.upsample.conv."),
    (r"^encoder\.levels\.", "encoder.down."),
    (r"^decoder\.levels\.", "decoder.up."),
    (r"\.blocks\.", ".block."),
    (r"\.attentions\.", ".attn."),
    (r"\.(first|second)_norm\.", lambda m: f".norm{1 + (m[1] == 'second')}."),
    (r"\.(first|second)\.", lambda m: f".conv{1 + (m[1] == 'second')}."),
    (r"\.shortcut\.", ".nin_shortcut."),
    (r"\.(query|key|value)\.", lambda m: f".{m[1][0]}."),
    (r"\.project\.", ".proj_out."),
    (r"^to_code\.", "quant_conv."),
    (r"^from_code\.", "post_quant_conv."),
    (r"^quantizer\.codebook$", "quantize.embedding.weight"),
)


def published_name(name: str) -> str:
    """What a tensor of our VQ-GAN is called in a published file."""
    for ours, theirs in _RENAMED:
        name = re.sub(ours, theirs, name)
    return name


def vqgan_shape(
    path: Path, tensors: Mapping[str, Tensor], *, side: int = SIDE, groups: int = 32
) -> VqganShape:
    """The VQ-GAN that `tensors`, of the file at `path`, belong to, for square images of `side` pixels.

    Everything but the number of `groups` of channels, which is always 32 there, follows from their shapes.
    """

    def of(name: str, dimensions: int = 4) -> Shape:
        return numbers_of(path, tensors, name, dimensions=dimensions)

    codes, code_channels = of(CODEBOOK, 2)
    stem, colours = of("encoder.conv_in.weight")[:2]
    levels = range(max(1, count(tensors, "encoder.down.{}.block.0.conv1.weight")))
    return VqganShape(
        codes=codes,
        code_channels=code_channels,
        latent_channels=of("encoder.conv_out.weight")[0],
        stem=stem,
        channels=tuple(of(f"encoder.down.{level}.block.0.conv1.weight")[0] for level in levels),
        encoder_blocks=count(tensors, "encoder.down.0.block.{}.conv1.weight"),
        decoder_blocks=count(tensors, "decoder.up.0.block.{}.conv1.weight"),
        attending=tuple(level for level in levels if f"encoder.down.{level}.attn.0.q.weight" in tensors),
        image=(colours, side, side),
        groups=groups,
    )


def convert_vqgan(path: Path, tensors: Mapping[str, Tensor], *, side: int = SIDE, groups: int = 32) -> Vqgan:
    """The VQ-GAN whose `tensors` have the names of a published file, or of its copy by diffusers.

    The file at `path` may be that of a VQ-GAN or of a transformer. The network is ready for inference.
    ValueError, with the names, where some are missing, unknown or of another shape.
    """
    own = without(by_published_names(below(tensors, FIRST_STAGE) or tensors), LOSSES)
    network = without_memory(Vqgan, vqgan_shape(path, own, side=side, groups=groups))
    shapes = shapes_of(network)
    places = {published_name(name): Place(name) for name in shapes}
    return filled(network, fit_weights(path, own, places, shapes))


def transformer_layout(shape: GptShape) -> dict[str, Shape]:
    """Names and shapes of the tensors of a published transformer, without the prefix."""
    width, hidden = shape.width, shape.hidden
    layers: dict[str, Shape] = {"tok_emb": (shape.codes, width)}
    layers |= {f"blocks.{i}.attn.{part}": (width, width) for i in range(shape.layers) for part in _PARTS}
    layers |= {f"blocks.{i}.mlp.0": (hidden, width) for i in range(shape.layers)}
    layers |= {f"blocks.{i}.mlp.2": (width, hidden) for i in range(shape.layers)}
    layers |= {f"blocks.{i}.{norm}": (width,) for i in range(shape.layers) for norm in ("ln1", "ln2")}
    layers |= {"ln_f": (width,), "head": (shape.codes, width)}
    biased = [name for name in layers if name not in ("tok_emb", "head")]
    return (
        {f"{name}.weight": size for name, size in layers.items()}
        | {f"{name}.bias": layers[name][:1] for name in biased}
        | {"pos_emb": (1, shape.context, width)}
    )


def convert_transformer(path: Path, tensors: Mapping[str, Tensor], *, heads: int, classes: int = 1) -> Gpt:
    """The prior whose `tensors` have the names of a published file; ready for inference.

    `heads` is in the file's configuration (`n_head`: 16 for CelebA-HQ, 24 for ImageNet), no tensor tells it.
    `classes`: how many codes stand for classes at the start (1000 for ImageNet). ValueError, with the names,
    where tensors are missing, unknown or of another shape.
    """
    own = without(below(tensors, TRANSFORMER), MASKS)
    foreign = [name for name in tensors if not name.startswith((FIRST_STAGE, TRANSFORMER))]
    complain(path, "is told more than a class:" if own else "has no transformer, but", foreign)
    codes, width = numbers_of(path, own, "tok_emb.weight", dimensions=2)
    shape = GptShape(
        codes=codes,
        classes=classes,
        context=numbers_of(path, own, "pos_emb", dimensions=3)[1],
        layers=count(own, "blocks.{}.ln1.weight"),
        width=width,
        heads=heads,
        hidden=numbers_of(path, own, "blocks.0.mlp.0.weight", dimensions=2)[0],
    )
    found = fit_layout(path, own, transformer_layout(shape))
    return filled(without_memory(Gpt, shape), renamed(found, layers=shape.layers))


def renamed(found: Mapping[str, Tensor], *, layers: int) -> dict[str, Tensor]:
    """Tensors of a transformer by our names: queries, keys and values as one."""
    named = {
        "embed.weight": found["tok_emb.weight"],
        "places.weight": found["pos_emb"][0],
        "head.weight": found["head.weight"],
    }
    for end in ("weight", "bias"):
        named[f"norm.{end}"] = found[f"ln_f.{end}"]
        for block in (f"blocks.{index}" for index in range(layers)):
            named |= {f"{block}.{ours}.{end}": found[f"{block}.{theirs}.{end}"] for ours, theirs in _LAYERS}
            parts = [found[f"{block}.attn.{part}.{end}"] for part in _PARTS[:3]]
            named[f"{block}.qkv.{end}"] = torch.cat(parts)
    return named


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, called by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def import_vqgan(files: Sequence[Path], out: Path, *, side: int = SIDE) -> Path:
    """Write the VQ-GAN of a published file as the codec in the model's folder `out`.

    Both the file of a VQ-GAN and that of a transformer will do. It is for images of `side` pixels a side.
    ValueError as of `convert_vqgan`.
    """
    weights, _ = told_apart(files)
    path = check_files(weights, "taming-vqgan")
    network = convert_vqgan(path, read_weights(path), side=side)
    source = source_of(path, KINDS["taming-vqgan"].licence)
    provenance = source | {"codebook": network.quantizer.identity}
    write_part(out / CODEC, tensors_of(network), kind=VQGAN, shape=network.shape, provenance=provenance)
    return out / CODEC


def import_transformer(
    files: Sequence[Path], out: Path, *, name: str, heads: int | None = None, classes: Sequence[str] = ()
) -> Path:
    """Write the transformer of a published file as the prior `name` in the model's folder `out`.

    It is of the codec that is in the folder already. One of `files` may be the published `project.yaml`,
    which tells the heads. `classes` are those of which it is told one, as of `told_classes`, or some of them
    as of `codes_of_classes`. ValueError as of `convert_transformer`, and where the file holds another
    codebook than the codec's.
    """
    weights, configurations = told_apart(files)
    path = check_files(weights, "taming-transformer")
    part, codebook = out / prior_file(name), codebook_beside(out)
    names, starts = codes_of_classes(classes)
    tensors, (number, told) = read_weights(path), told_classes(names)
    network = convert_transformer(path, tensors, heads=heads_of(heads, configurations), classes=number)
    network.shape = replace(network.shape, starts=starts)
    shape, licence = network.shape, KINDS["taming-transformer"].licence
    source = source_of_prior(path, licence, codes=shape.codes, codebook=codebook)
    own = tensors.get(FIRST_STAGE + CODEBOOK)
    if own is not None and identity_of(own.float()) != source["codebook"]:
        raise ValueError(
            f"{path}: holds another codebook than {out / CODEC}; import the codec of this file first"
        )
    write_part(part, tensors_of(network), kind=GPT, shape=shape, provenance=source | told)
    return part
