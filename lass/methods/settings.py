"""What a method is told: a job for every family; without torch.

Every row of a table is a method (`lass.config.registry` names those that need no section of their own). A
method is made by the module `lass.methods.<family>`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from lass.likelihood.settings import TupleOrigin
from lass.methods.diffusion_settings import DiffusionMethod
from lass.models.diffusion_settings import DenoiserCheck
from lass.models.settings import CodecCheck, PriorOfClass
from lass.separation.settings import DecoderSettings, Estimation
from lass.settings import Precision, Section

SHORTEST_BLIND = 1.0
"""Seconds of the shortest mixture that blind methods take: four of REPET's shortest periods."""
LOWEST_BLIND = 1000
"""Hz, the lowest rate that they take."""


class Job(Section):
    """What every family is told."""

    precision: Precision = "float32"  # of its networks: only latent separation has another


class OracleJob(Job):
    """A method that looks at the true sources, or at nothing."""

    family: Literal["oracles"] = "oracles"
    name: str
    rate: int | None  # Hz; None for images


class CeilingJob(Job):
    """The codec's ceiling."""

    family: Literal["ceiling"] = "ceiling"
    codec: CodecCheck


class BlindJob(Job):
    """A blind method of audio."""

    family: Literal["blind"] = "blind"
    name: str
    rate: int  # Hz
    seed: int


class SupervisedJob(Job):
    """A network that was trained on mixtures."""

    family: Literal["supervised"] = "supervised"
    name: str
    classes: list[str]  # of the sources, in order
    rate: int  # Hz


class ClassNmfJob(Job):
    """Dictionaries of the classes of a mixture's images, which it is told."""

    family: Literal["class_nmf"] = "class_nmf"
    classes: list[str]
    pixels: int  # T
    iterations: int


class LatentJob(Job):
    """Estimates of the candidates that a decoder left."""

    family: Literal["latent"] = "latent"
    codec: CodecCheck
    precision: Precision  # of what the codec decodes
    classes: list[str]
    labels: dict[str, str]  # class -> label: sources of equal labels may change places
    weights: list[float]  # alpha, N
    bounds: tuple[float, float] | None  # of every number of a source; None for none
    estimation: Estimation
    strength: float | None  # frames that the mean of a class counts for in the residual's variances


class DiffusionJob(Job):
    """A solver with the denoisers of the classes."""

    family: Literal["diffusion"] = "diffusion"
    priors: list[PriorOfClass]  # one per class that occurs
    data: DenoiserCheck | None = None  # that denoisers have to be of; None: whatever they are of
    method: DiffusionMethod
    bounds: tuple[float, float] | None = None  # of every number of a source; None for none
    seed: int


AnyJob = OracleJob | CeilingJob | BlindJob | SupervisedJob | ClassNmfJob | LatentJob | DiffusionJob
MethodJob = Annotated[AnyJob, Field(discriminator="family")]


class DecodingJob(Section):
    """Candidates of mixtures by one decoder."""

    decoder: DecoderSettings
    codec: CodecCheck
    precision: Precision
    priors: list[PriorOfClass]  # one per class; none for a decoder that asks for none
    counted_from: TupleOrigin  # sources and weights alpha, and where the table is asked for its tuples
    positions: int  # S
    noise: float | None  # of the likelihood of frames
    batch: int  # mixtures at once
    seed: int


def read_job(values: Any) -> AnyJob:
    """The job of a method from the plain values that a workflow hands over."""
    adapter: TypeAdapter[Any] = TypeAdapter(MethodJob)
    job: AnyJob = adapter.validate_python(values)
    return job
