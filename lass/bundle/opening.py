"""A model's folder, opened: from windows of a mixture to estimates, by one of its presets."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lass.bundle.folder import check_sizes, priors_in, read_description
from lass.bundle.settings import CODEC, LIKELIHOOD, MEASURED, Description, Preset, PresetName
from lass.methods.candidates import likelihoods_of, open_separator
from lass.methods.latent import Latent, latent_method
from lass.models.codec import CodecAt, open_codec
from lass.models.parts import Model, open_model
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.estimation.estimates import estimate_sources
from lass.separation.separator import Separator
from lass.settings import Chosen

SEQUENCES = 64  # hypotheses of all windows together, from which on a processor gains nothing by more
LEAST, MOST = 8, 64  # windows at once


@dataclass(frozen=True, eq=False)
class Windowed:
    """What a preset makes of windows."""

    estimates: np.ndarray  # [B, N, T] float32
    codes: np.ndarray  # [B, N, S] int64: of the most probable candidate
    log_posterior: np.ndarray  # [B] float64: its own, up to a constant of the window


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model whose files are read."""

    folder: Path
    description: Description
    codec: CodecAt
    parts: Model
    precision: Chosen

    def preset(self, name: PresetName, *, classes: list[str], seed: int, memory: int) -> "OpenPreset":
        """The preset of this name for mixtures whose sources are of `classes`; it may take `memory` bytes.

        ValueError for a preset that the model does not have.
        """
        described = self.description
        if name not in described.presets:
            raise ValueError(
                f"{described.about.name} has no preset {name!r}: choose one of {', '.join(described.presets)}"
            )
        preset, own = described.presets[name], described.of_class
        if "network" in preset.measured and classes != own:
            raise ValueError(f"classes {classes}: the learned likelihood is for {own}, in this order")
        decoding = described.decoding_job(
            preset, precision=self.precision, batch=windows_at_once(preset), seed=seed
        )
        files = {name: self.folder / MEASURED[name] for name in preset.measured}
        separator = open_separator(
            self.parts,
            decoding,
            priors=[self.parts.priors[name] for name in classes],
            memory=memory,
            asked=likelihoods_of(files, model=self.parts, job=decoding),
        )
        job = described.latent_job(preset, precision=self.precision)
        latent = latent_method(job, codec=self.codec, candidates={}, residual=files.get("residual"))
        return OpenPreset(described, separator, latent, classes, preset.decoder.kept, decoding.batch)


@dataclass(frozen=True, eq=False)
class OpenPreset:
    """What separates windows."""

    description: Description
    separator: Separator
    latent: Latent
    classes: list[str]  # of the sources
    kept: int  # candidates
    batch: int  # windows at once

    def separate(self, windows: np.ndarray, numbers: list[int]) -> Windowed:
        """Estimates x_n of the sources of windows [B, T]; `numbers` and the seed decide every draw."""
        mixtures = torch.from_numpy(windows).to(self.latent.device)
        drawn = draw_candidates(self.separator, mixtures, numbers, kept=self.kept)
        estimates = estimate_sources(
            drawn,
            mixtures,
            estimation=self.latent.estimation,
            synthesis=self.latent.synthesis,
            sources=[self.latent.labelled(self.classes)] * len(drawn),
        )
        best = [int(one.log_posterior.argmax()) for one in drawn]
        return Windowed(
            estimates.cpu().numpy(),
            _stacked([one.codes[row] for one, row in zip(drawn, best, strict=True)]),
            _stacked([one.log_posterior[row] for one, row in zip(drawn, best, strict=True)]),
        )


def windows_at_once(preset: Preset) -> int:
    """How many windows a preset separates at once: the more, the fewer hypotheses each has."""
    return min(MOST, max(LEAST, SEQUENCES // preset.decoder.hypotheses))


def _stacked(tensors: list[Tensor]) -> np.ndarray:
    stacked: np.ndarray = torch.stack(tensors).cpu().numpy()
    return stacked


def open_bundle(folder: Path, *, device: torch.device, precision: Chosen) -> OpenModel:
    """The model in `folder`, on `device`.

    FileNotFoundError or ValueError, naming the file, where a part is missing, of another size or codebook.
    """
    described = read_description(folder)
    check_sizes(folder, described)
    codec = open_codec(folder / CODEC, described.codec, device=device, precision=precision)
    if codec.identity != described.codebook:
        raise ValueError(
            f"{folder / CODEC} has codebook {codec.identity}, but the model is of {described.codebook}: put "
            "the parts of one model together"
        )
    parts = open_model(
        codec,
        likelihood=folder / LIKELIHOOD,
        counted=described.counted_from.encoded(codec.identity),
        priors=priors_in(folder, described),
        length=described.positions,
    )
    return OpenModel(folder, described, codec, parts, precision)
