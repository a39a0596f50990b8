"""Candidates of mixtures by one decoder: what `lass.methods.latent` makes its estimates of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from lass.data.mixtures import Mixtures
from lass.likelihood.frames import FrameLikelihood, cut_frames, frame_likelihood, read_frames
from lass.methods.settings import DecodingJob
from lass.models.codec import CodecAt
from lass.models.likelihood_network import read_network
from lass.models.parts import Model, open_model
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.prior import Prior
from lass.separation.estimation.candidates import Candidates, draw_candidates
from lass.separation.separator import Separator
from lass.separation.settings import Measured


def model_of(job: DecodingJob, *, codec: CodecAt, likelihood: Path, priors: Sequence[str]) -> Model:
    """The model that a decoder needs, from its files; `priors` are the checkpoints of the job's priors."""
    paths = [(Path(path), prior) for path, prior in zip(priors, job.priors, strict=True)]
    counted = job.counted_from.encoded(codec.identity)
    return open_model(codec, likelihood=likelihood, counted=counted, priors=paths, length=job.positions)


@dataclass(frozen=True)
class Asked:
    """What a decoder may ask for beside the table of counts, of mixtures y [B, T]."""

    frames: Callable[[Tensor], Tensor] | None = None  # log p(y_s | z_1, z_2) [B, S, K, K]
    network: Callable[[Tensor], Tensor] | None = None  # log p(y | z_n) of every source [B, N, S, K]
    frequencies: Tensor | None = None  # of the codes that the network was trained on, log p_0(z_n) [N, K]


@dataclass(frozen=True)
class Group:
    """Mixtures of one list of priors: what can be decoded together."""

    priors: list[Prior]  # one per source
    rows: list[int] = field(default_factory=list)  # of the mixtures


def group_by_priors(classes: Sequence[Sequence[str]], model: Model) -> list[Group]:
    """The groups of mixtures whose sources are of `classes`, in order of appearance."""
    groups: dict[tuple[int, ...], Group] = {}
    for row, names in enumerate(classes):
        priors: list[Prior] = [model.priors[name] for name in names]
        groups.setdefault(tuple(map(id, priors)), Group(priors)).rows.append(row)
    return list(groups.values())


def candidates_of(
    mixtures: Mixtures,
    rows: Sequence[int],
    *,
    model: Model,
    job: DecodingJob,
    memory: Callable[[], int],
    measured: Mapping[Measured, Path],
) -> Iterator[tuple[int, Candidates]]:
    """Number and candidates of each of the mixtures `rows`, `job.batch` at a time, group by group.

    `memory` says what decoding may take, in bytes: it is asked once everything is loaded. `measured` has
    the files that the decoder asks for beside the table of counts: `frames`, `network`.
    """
    asked = likelihoods_of(measured, model=model, job=job)
    left = memory()
    for group in group_by_priors([mixtures.classes[row] for row in rows], model):
        separator = open_separator(model, job, priors=group.priors, memory=left, asked=asked)
        for begin in range(0, len(group.rows), job.batch):
            batch = mixtures.load([rows[row] for row in group.rows[begin : begin + job.batch]])
            data = torch.from_numpy(batch.mixtures).to(model.codec.device)
            drawn = draw_candidates(separator, data, batch.items, kept=job.decoder.kept)
            yield from zip(batch.items, drawn, strict=True)


def open_separator(
    model: Model,
    job: DecodingJob,
    *,
    priors: Sequence[Prior],
    memory: int,
    asked: Asked,
) -> Separator:
    """What finds the codes of mixtures whose sources have these `priors`, in `memory` bytes.

    `asked`: as `likelihoods_of` opens them.
    """
    return Separator(
        encode=model.codec.encode,
        decode=model.codec.decode,
        priors=priors,
        likelihood=model.likelihood,
        fallback=model.fallback,
        weights=weights_of(job, model),
        decoder=open_decoder(job.decoder),
        seed=job.seed,
        memory=memory,
        frames=asked.frames,
        network=asked.network,
        network_weight=job.decoder.network_weight,
        frequencies=asked.frequencies,
        prior_weight=job.decoder.prior_weight,
    )


def weights_of(job: DecodingJob, model: Model) -> Tensor:
    """Alpha [N] on the model's device."""
    return torch.tensor(job.counted_from.weights, dtype=torch.float32, device=model.codec.device)


def likelihoods_of(files: Mapping[Measured, Path], *, model: Model, job: DecodingJob) -> Asked:
    """What a decoder asks for beside the table of counts, opened from its files.

    KeyError where a file is missing; ValueError, naming the file, where one is of another codebook or of
    other sources.
    """
    measured = job.decoder.measured
    frames = frames_of(files["frames"], model, job) if "frames" in measured else None
    if "network" not in measured:
        return Asked(frames)
    codec, counted = model.codec, job.counted_from
    network = read_network(
        files["network"], sources=counted.sources, weights=counted.weights, codebook=codec.identity
    ).to(codec.device)
    return Asked(
        frames,
        lambda mixtures: network.log_likelihood(mixtures, codec.latents(mixtures)),
        network.log_prior,
    )


def frames_of(path: Path, model: Model, job: DecodingJob) -> Callable[[Tensor], Tensor]:
    """The likelihood of frames by the moments in the file at `path`."""
    codec = model.codec
    moments = read_frames(path, codebook=codec.identity)
    likelihood: FrameLikelihood = frame_likelihood(
        moments, weights=weights_of(job, model), noise=job.noise or 0.0
    )
    return lambda mixtures: likelihood(cut_frames(mixtures, image=codec.image, hop=codec.hop))
