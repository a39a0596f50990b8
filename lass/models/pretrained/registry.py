"""Kinds of public files that can be made parts of a model: what each is, what converts it, what opens it.

A converter is a function `(files, out, **options) -> Path` that writes one part into the model's folder
`out`. Functions are named and not imported: `lass import` shows its help at once, and a run of another kind
does not hang on this one's code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

JUKEBOX_LICENCE = "Jukebox's code and weights (OpenAI): non-commercial use only"
DAC_LICENCE = "DAC's code and weights (Descript): MIT"
ENCODEC_LICENCE = (
    "weights of encodec_32khz (Meta): CC BY-NC 4.0, non-commercial use only; of encodec_24khz: their page "
    "states none; EnCodec's code: MIT"
)
MIMI_LICENCE = "Mimi's weights (Kyutai): CC BY 4.0"
LASS_LICENCE = "published by the authors of LASS, who state no licence for it"
TAMING_LICENCE = (
    "MIT License, copyright (c) 2020 Patrick Esser, Robin Rombach and Björn Ommer "
    "(github.com/CompVis/taming-transformers): this notice stays with every copy"
)


@dataclass(frozen=True)
class Kind:
    """A kind of public file."""

    summary: str
    converter: str  # module:function
    part: str  # the file that it writes into the model's folder
    licence: str  # of what is imported
    needs: tuple[str, ...] = ()  # options that must be given
    takes: tuple[str, ...] = ()  # options that may be


KINDS = {
    "jukebox-vqvae": Kind(
        summary="Jukebox's VQ-VAE (vqvae.pth.tar): its top level becomes the codec",
        converter="lass.models.pretrained.jukebox_import:import_jukebox_vqvae",
        part="codec.safetensors",
        licence=JUKEBOX_LICENCE,
    ),
    "jukebox-prior": Kind(
        summary="a prior of its top level without labels (the LASS authors' prior_bass_44100.pth.tar)",
        converter="lass.models.pretrained.jukebox_import:import_jukebox_prior",
        part="priors/{name}.safetensors",
        licence=f"{JUKEBOX_LICENCE}; a prior of LASS is {LASS_LICENCE}",
        needs=("name",),
        takes=("classes",),
    ),
    "lass-counts": Kind(
        summary="the LASS authors' table of counts (sum_frequencies.npz): becomes the likelihood",
        converter="lass.models.pretrained.lass_counts:import_lass_counts",
        part="likelihood.safetensors",
        licence=LASS_LICENCE,
        needs=("classes",),
    ),
    "dac": Kind(
        summary="a folder of Hugging Face's with DAC (config.json, model.safetensors): its first codebook",
        converter="lass.models.pretrained.huggingface_import:import_dac",
        part="codec.safetensors",
        licence=DAC_LICENCE,
    ),
    "encodec": Kind(
        summary="the same with EnCodec of one channel",
        converter="lass.models.pretrained.huggingface_import:import_encodec",
        part="codec.safetensors",
        licence=ENCODEC_LICENCE,
    ),
    "mimi": Kind(
        summary="the same with Mimi",
        converter="lass.models.pretrained.huggingface_import:import_mimi",
        part="codec.safetensors",
        licence=MIMI_LICENCE,
    ),
    "taming-vqgan": Kind(
        summary="a VQ-GAN of taming-transformers (last.ckpt), or its copy by diffusers: becomes the codec",
        converter="lass.models.pretrained.taming:import_vqgan",
        part="codec.safetensors",
        licence=TAMING_LICENCE,
        takes=("side",),
    ),
    "taming-transformer": Kind(
        summary="the transformer of such a file, with its project.yaml or --heads: becomes a prior",
        converter="lass.models.pretrained.taming:import_transformer",
        part="priors/{name}.safetensors",
        licence=TAMING_LICENCE,
        needs=("name",),
        takes=("classes", "heads"),
    ),
    "gpt2": Kind(
        summary="a GPT-2 of Hugging Face, with its config.json or --heads: becomes a prior",
        converter="lass.models.pretrained.huggingface:import_gpt2",
        part="priors/{name}.safetensors",
        licence="not known: ask whoever published the weights before you pass them on",
        needs=("name",),
        takes=("classes", "heads"),
    ),
    "inception": Kind(
        summary="the network whose features FID compares (pt_inception-2015-12-05-6726825d.pth)",
        converter="lass.models.pretrained.inception:import_inception",
        part="inception.safetensors",
        licence="Apache License 2.0 (github.com/mseitzer/pytorch-fid, converted from TensorFlow's models)",
    ),
}
"""Name of a kind -> what it is; one entry more is all that a new converter needs."""

CODECS = {
    "jukebox-vqvae": "lass.models.pretrained.jukebox_codec:read_jukebox_vqvae",
    "vqgan": "lass.models.pretrained.vqgan:read_vqgan",
    **dict.fromkeys(("dac", "encodec", "mimi"), "lass.models.pretrained.huggingface_codecs:read_huggingface"),
}
"""What an imported codec says that it is -> what reads its network: `(path, *, rate, hop)`."""
PRIORS = {
    "jukebox-prior": (
        "lass.models.pretrained.jukebox_prior:read_jukebox_prior",
        "lass.models.pretrained.jukebox_prior:JukeboxPrior",
    ),
    "gpt": ("lass.models.pretrained.gpt:read_gpt", "lass.models.transformer:TransformerPrior"),
}
"""What an imported prior says that it is -> what reads its network, `(path, *, codebook)`, and what makes a
prior of the network, `(network, *, class_index)`."""


def named(place: str) -> Callable[..., Any]:
    """The function or class at `module:name`, which is imported now."""
    module, name = place.split(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def convert_files(
    kind: str, files: Sequence[Path], out: Path, *, options: Mapping[str, object], force: bool = False
) -> Path:
    """The part that `files` of this kind become in the model's folder `out`.

    ValueError for an unknown kind, options that it lacks or does not take, and, without `force`, a part
    that is there already.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: choose one of {', '.join(KINDS)}")
    described = KINDS[kind]
    for name in described.needs:
        if name not in options:
            raise ValueError(f"{kind} needs --{name}")
    for name in options:
        if name not in described.needs + described.takes:
            raise ValueError(f"{kind} takes no --{name}: leave it away")
    part = out / described.part.format(**options)
    if part.exists() and not force:
        raise ValueError(f"{part} is there already: choose another --out, or give --force to overwrite it")
    written: Path = named(described.converter)(list(files), out, **options)
    return written
