"""The smallest models by diffusion priors in folders: of audio, and of images of 4 x 4."""

from pathlib import Path
from typing import Any

import torch

from lass.bundle.folder import Parts, pack_model
from lass.bundle.settings import Unpacked
from lass.models.diffusion import new_denoiser, write_denoiser
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.settings import Training
from tests.bundle.toy import CLASSES, DRUMS_AND_BASS

RATE, LENGTH = 1000, 1280
IMAGE = (1, 4, 4)
DEVIATIONS = {"drums": 0.3, "bass": 0.1}
TRAINING = Training(steps=1, batch=1, learning_rate=1e-3)
SHAPE: dict[str, Any] = {"channels": [8], "strides": [], "blocks": 1, "attention": 0, "embedding": 4}
BEST = {"solver": {"kind": "proximal", "steps": 10}}
PAPER = {"solver": {"kind": "ancestral", "steps": 25}, "consistency": None}


def write_white(path: Path, deviation: float, *, classes: list[str], **told: Any) -> Path:
    """A denoiser of white sources, which a network that says nothing yet serves; `rate` of sounds."""
    image = told.pop("image", None)
    settings = DenoiserSettings(classes=classes, patch=4 if image is None else 1, training=TRAINING, **SHAPE)
    white = deviation * torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    examples = (white, torch.zeros(64, dtype=torch.int64))
    network = new_denoiser(settings, examples, image=image, seed=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_denoiser(path, network, classes=classes, provenance={}, **told)
    return path


def unpacked(**changes: Any) -> Unpacked:
    """A model of drums and bass, with some fields replaced."""
    priors = [{"source": name, "prior": name, "classes": [name], "conditional": False} for name in CLASSES]
    fields: dict[str, Any] = {
        **DRUMS_AND_BASS,
        "denoisers": {"rate": RATE, "priors": priors},
        "length": LENGTH,
        "presets": {"best": {"diffusion": BEST}, "paper": {"diffusion": PAPER}},
    }
    return Unpacked.model_validate(fields | changes)


def denoisers_in(folder: Path) -> Parts:
    """Files of a denoiser for each class."""
    return Parts(
        denoisers={
            name: write_white(folder / f"{name}.safetensors", level, classes=[name], rate=RATE)
            for name, level in DEVIATIONS.items()
        }
    )


def write_diffusion_model(folder: Path) -> Path:
    """A model of drums and bass in `folder`."""
    parts = denoisers_in(folder.with_name(f"{folder.name}_parts"))
    pack_model(folder, parts, unpacked(), level=None, made={"seed": 0})
    return folder


def write_diffusion_image_model(folder: Path) -> Path:
    """A model of two images of 4 x 4 pixels, whose classes share a denoiser, in `folder`."""
    path = folder.with_name(f"{folder.name}_parts") / "digits.safetensors"
    classes = ["one", "two"]
    told = {"prior": "digits", "classes": classes, "conditional": False}
    described = unpacked(
        kind="images",
        classes=classes,
        sources=["source_1", "source_2"],
        of_class=["one", "one"],
        labels=dict.fromkeys(classes, "digits prior"),
        image=IMAGE,
        denoisers={"rate": None, "priors": [{"source": name, **told} for name in classes]},
        length=16,
        bounds=(0.0, 1.0),
        presets={"best": {"diffusion": BEST}},
    )
    parts = Parts(denoisers={"digits": write_white(path, 0.5, classes=classes, image=IMAGE)})
    pack_model(folder, parts, described, level=None, made={"seed": 0})
    return folder
