"""The smallest models in folders: one of audio at 1,000 Hz in windows of 1.28 s, one of images of 4 x 4."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lass.bundle.folder import Parts, pack_model
from lass.bundle.settings import About, Level, Preset, Unpacked
from lass.likelihood.residual import ResidualSums, write_residual
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.codec import CodecAt
from lass.models.likelihood_network import LikelihoodNetwork, NetworkShape, write_network
from lass.models.settings import CodecCheck
from lass.separation.settings import Beam, Estimation, Particle
from tests.models.toy import (
    counted_from,
    network_of,
    new_codec,
    of_class,
    small_codec,
    write_prior,
    write_table,
)

RATE, HOP, POSITIONS = 1000, 16, 80
CLASSES = ["drums", "bass"]


def presets(*, consistency: Any = "residual", likelihood: Any = "network") -> dict[Any, Preset]:
    """A particle filter by the learned likelihood with shares of the residual, and a beam of two as it is."""
    particles = Particle(kind="particle", likelihood=likelihood, likelihood_weight=1.0, hypotheses=4, kept=2)
    return {
        "best": Preset(decoder=particles, estimation=Estimation(consistency=consistency)),
        "paper": Preset(
            decoder=Beam(kind="beam", likelihood_weight=1.0, hypotheses=2, kept=1), estimation=Estimation()
        ),
    }


DRUMS_AND_BASS: dict[str, Any] = {
    "about": About(name="toy", summary="Random weights.", licence="MIT"),
    "kind": "audio",
    "classes": CLASSES,
    "sources": CLASSES,
    "of_class": CLASSES,
    "labels": {name: name for name in CLASSES},
    "weights": [0.5, 0.5],
    "image": None,
    "bounds": None,
}
"""What a model of any parts says of the sources."""


def audio_parts(folder: Path, codec: CodecAt) -> Parts:
    """Files of random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    residual = ResidualSums.empty(sources=2, codes=6, frame=HOP)
    residual.squares[:] = torch.rand(residual.squares.shape, generator=torch.Generator().manual_seed(1))
    residual.count[:] = 10
    write_residual(folder / "residual.safetensors", residual, classes=CLASSES, codebook=codec.identity)
    shape = NetworkShape(6, codec.codebook.shape[1], HOP, sources=2, width=8, window=2 * HOP, dilations=(1,))
    counted = counted_from(codec.identity)
    told: dict[str, Any] = {"sources": counted.sources, "weights": counted.weights, "provenance": {}}
    network = new_network(LikelihoodNetwork, shape, seed=0)
    write_network(folder / "network.safetensors", network, codebook=codec.identity, **told)
    write_checkpoint(folder / "codec.safetensors", network_of(codec), provenance={"sample_rate": RATE})
    return Parts(
        codec=folder / "codec.safetensors",
        likelihood=write_table(folder / "table.safetensors", codec.identity),
        priors={
            name: write_prior(
                folder / f"{name}.safetensors", codec.identity, trained_on=[name], context=POSITIONS
            )
            for name in CLASSES
        },
        measured={
            "residual": folder / "residual.safetensors",
            "network": folder / "network.safetensors",
        },
    )


def audio_codec(seed: int = 0) -> CodecAt:
    """K = 6, a hop of 16 samples."""
    return new_codec(small_codec(stride=HOP), seed=seed)


def unpacked(of: CodecAt, **changes: Any) -> Unpacked:
    """A model of drums and bass, with some fields replaced."""
    counted = counted_from(of.identity).model_dump(exclude={"codebook"})
    fields: dict[str, Any] = {
        **DRUMS_AND_BASS,
        "codec": CodecCheck(hop=HOP, rate=RATE),
        "priors": [of_class(name) for name in CLASSES],
        "counted_from": counted,
        "positions": POSITIONS,
        "length": POSITIONS * HOP,
        "noise": None,
        "strength": 2.0,
        "presets": presets(),
    }
    return Unpacked.model_validate(fields | changes)


def write_audio_model(folder: Path, *, level: Level | None = None, seed: int = 0) -> Path:
    """A model of drums and bass in `folder`."""
    codec = audio_codec(seed)
    parts = audio_parts(folder.with_name(f"{folder.name}_parts"), codec)
    pack_model(folder, parts, unpacked(codec), level=level, made={"seed": 0})
    return folder


def write_image_model(folder: Path) -> Path:
    """A model of two images of 4 x 4 pixels in `folder`."""
    codec = new_codec(small_codec(stride=2, overlap=False, image=(1, 4, 4)))
    files = folder.with_name(f"{folder.name}_parts")
    files.mkdir(parents=True)
    write_checkpoint(files / "codec.safetensors", network_of(codec), provenance={})
    sizes: dict[str, Any] = {"context": 4, "absolute": True}
    parts = Parts(
        codec=files / "codec.safetensors",
        likelihood=write_table(files / "table.safetensors", codec.identity),
        priors={
            "digits": write_prior(
                files / "digits.safetensors", codec.identity, trained_on=["one", "two"], **sizes
            )
        },
    )
    classes = ["one", "two"]
    described = unpacked(
        codec,
        kind="images",
        classes=classes,
        sources=["source_1", "source_2"],
        of_class=["one", "one"],
        labels=dict.fromkeys(classes, "digits prior"),
        codec=CodecCheck(hop=2),
        image=(1, 4, 4),
        priors=[of_class(name, prior="digits", classes=classes) for name in classes],
        positions=4,
        length=16,
        bounds=(0.0, 1.0),
        strength=None,
        presets=presets(consistency="equal", likelihood="counts"),
    )
    pack_model(folder, parts, described, level=None, made={"seed": 0})
    return folder


def sound(seconds: float, *, rate: int = 8000, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Noise [channels, T] that swells and fades."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    swell = 0.1 + 0.1 * np.sin(np.arange(count) / rate)
    noise: np.ndarray = (swell * rng.standard_normal((channels, count))).astype(np.float32)
    return noise
