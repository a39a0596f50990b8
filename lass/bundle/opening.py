"""A model's folder, opened: from windows of a mixture to estimates, by one of its presets."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lass.bundle.folder import check_sizes, open_diffusion, priors_in, read_description
from lass.bundle.presets import ByCodes, ByDiffusion, OpenPreset, windows_at_once
from lass.bundle.settings import CODEC, LIKELIHOOD, MEASURED, Description, DiffusionPreset, Preset, PresetName
from lass.methods.candidates import open_likelihood, open_separator
from lass.methods.diffusion import Diffusion
from lass.methods.latent import latent_method
from lass.models.codec import CodecAt, open_codec
from lass.models.parts import Model, open_model
from lass.settings import Chosen


@dataclass(frozen=True, eq=False)
class OpenCodes:
    """What presets by codes separate with."""

    codec: CodecAt
    parts: Model


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model whose files are read."""

    folder: Path
    description: Description
    codes: OpenCodes | None
    diffusion: Diffusion | None
    precision: Chosen

    def preset(self, name: PresetName, *, classes: list[str], seed: int, memory: int) -> OpenPreset:
        """The preset of this name for mixtures whose sources are of `classes`; it may take `memory` bytes.

        ValueError for a preset that the model does not have.
        """
        described = self.description
        if name not in described.presets:
            raise ValueError(
                f"{described.about.name} has no preset {name!r}: choose one of {', '.join(described.presets)}"
            )
        preset = described.presets[name]
        if isinstance(preset, DiffusionPreset):
            assert self.diffusion is not None, "of a model with presets by diffusion"
            method = replace(self.diffusion, job=described.diffusion_job(preset, seed=seed))
            return ByDiffusion(described, method, classes)
        return self.by_codes(preset, classes=classes, seed=seed, memory=memory)

    def by_codes(self, preset: Preset, *, classes: list[str], seed: int, memory: int) -> ByCodes:
        """A preset by codes."""
        described, codes = self.description, self.codes
        assert codes is not None, "of a model with presets by codes"
        if "network" in preset.measured and classes != described.of_class:
            raise ValueError(
                f"classes {classes}: the learned likelihood is for {described.of_class}, in this order"
            )
        decoding = described.decoding_job(
            preset, precision=self.precision, batch=windows_at_once(preset), seed=seed
        )
        files = {name: self.folder / MEASURED[name] for name in preset.measured}
        separator = open_separator(
            codes.parts,
            decoding,
            priors=codes.parts.priors_of(classes),
            memory=memory,
            likelihood=open_likelihood(files, model=codes.parts, job=decoding),
        )
        job = described.latent_job(preset, precision=self.precision)
        latent = latent_method(job, codec=codes.codec, candidates={}, residual=files.get("residual"))
        positions, kept = decoding.positions, preset.decoder.kept
        return ByCodes(described, separator, latent, classes, positions, kept, decoding.batch)


def open_bundle(folder: Path, *, device: torch.device, precision: Chosen) -> OpenModel:
    """The model in `folder`, on `device`.

    FileNotFoundError or ValueError, naming the file, where a part is missing, of another size or codebook, or
    a denoiser is of other classes or of other data.
    """
    described = read_description(folder)
    check_sizes(folder, described)
    codes = open_codes(folder, described, device=device, precision=precision)
    return OpenModel(folder, described, codes, open_diffusion(folder, described, device), precision)


def open_codes(
    folder: Path, described: Description, *, device: torch.device, precision: Chosen
) -> OpenCodes | None:
    """What presets by codes separate with; None for a model without. Errors as of `open_bundle`."""
    coded = described.coded
    if coded is None:
        return None
    codec = open_codec(folder / CODEC, coded.codec, device=device, precision=precision)
    if codec.identity != described.codebook:
        raise ValueError(
            f"{folder / CODEC} has codebook {codec.identity}, but the model is of {described.codebook}: put "
            "the parts of one model together"
        )
    parts = open_model(
        codec,
        likelihood=folder / LIKELIHOOD if described.uses_counts else None,
        counted=coded.counted_from.encoded(codec.identity),
        priors=priors_in(folder, described),
        length=coded.positions,
    )
    return OpenCodes(codec, parts)
