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
from lass.separation.likelihoods import ByCounts, ByFrames, ByNetwork, MixtureLikelihood
from lass.separation.offsets import offsets_of
from lass.separation.separator import Separator
from lass.separation.settings import Measured, of_one_offset


def model_of(job: DecodingJob, *, codec: CodecAt, likelihood: str | None, priors: Sequence[str]) -> Model:
    """The model that the decoder of a job needs, from its files.

    `likelihood` is the table of counts, and `priors` are the checkpoints of the priors: None and nothing
    where the job does not ask for them.
    """
    return open_model(
        codec,
        likelihood=Path(likelihood) if likelihood else None,
        counted=job.counted_from.encoded(codec.identity),
        priors=[(Path(path), prior) for path, prior in zip(priors, job.priors, strict=True)],
        length=job.positions,
    )


@dataclass(frozen=True)
class Group:
    """Mixtures of one list of priors: what can be decoded together."""

    priors: list[Prior]  # one per source; none where the model has none
    rows: list[int] = field(default_factory=list)  # of the mixtures


def group_by_priors(classes: Sequence[Sequence[str]], model: Model) -> list[Group]:
    """The groups of mixtures whose sources are of `classes`, in order of appearance."""
    groups: dict[tuple[int, ...], Group] = {}
    for row, names in enumerate(classes):
        priors: list[Prior] = [*model.priors_of(names)]
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
    likelihood = open_likelihood(measured, model=model, job=job)
    left = memory()
    for group in group_by_priors([mixtures.classes[row] for row in rows], model):
        separator = open_separator(model, job, priors=group.priors, memory=left, likelihood=likelihood)
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
    likelihood: MixtureLikelihood,
) -> Separator:
    """What finds the codes of mixtures whose sources have these `priors`, in `memory` bytes.

    `likelihood`: as `open_likelihood` opens it.
    """
    return Separator(
        decode=model.codec.decode,
        priors=priors,
        likelihood=likelihood,
        weights=weights_of(job, model),
        length=job.positions,
        decoder=open_decoder(of_one_offset(job.decoder)),
        seed=job.seed,
        memory=memory,
        offsets=offsets_of(job.decoder.offsets, hop=model.codec.hop),
        image=model.codec.image,
    )


def weights_of(job: DecodingJob, model: Model) -> Tensor:
    """Alpha [N] on the model's device."""
    return torch.tensor(job.counted_from.weights, dtype=torch.float32, device=model.codec.device)


def open_likelihood(
    files: Mapping[Measured, Path], *, model: Model, job: DecodingJob
) -> ByCounts | ByFrames | ByNetwork:
    """The likelihood that a decoder goes by, of the model and of what else it asks for, from its files.

    KeyError where a file is missing; ValueError, naming the file, where one is of another codebook or of
    other sources.
    """
    decoder, codec, network = job.decoder, model.codec, None
    if decoder.likelihood == "frames":
        return ByFrames(frames_of(files["frames"], model, job), codes=len(codec.codebook))
    if "network" in decoder.measured:
        network, frequencies = network_of(files["network"], model, job)
        if decoder.likelihood == "network":
            return ByNetwork(network, frequencies, decoder.prior_weight)
    counts = model.counts
    return ByCounts(counts.likelihood, counts.fallback, codec.encode, network, decoder.network_weight)


def network_of(path: Path, model: Model, job: DecodingJob) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The learned likelihood in the file at `path`, and log p_0 [N, K] of the codes it was trained on."""
    codec, counted = model.codec, job.counted_from
    opened = read_network(path, sources=counted.sources, weights=counted.weights, codebook=codec.identity).to(
        codec.device
    )
    return lambda mixtures: opened.log_likelihood(mixtures, codec.latents(mixtures)), opened.log_prior


def frames_of(path: Path, model: Model, job: DecodingJob) -> Callable[[Tensor], Tensor]:
    """The likelihood of frames by the moments in the file at `path`."""
    codec = model.codec
    moments = read_frames(path, codebook=codec.identity)
    likelihood: FrameLikelihood = frame_likelihood(
        moments, weights=weights_of(job, model), noise=job.noise or 0.0
    )
    return lambda mixtures: likelihood(cut_frames(mixtures, image=codec.image, hop=codec.hop))
