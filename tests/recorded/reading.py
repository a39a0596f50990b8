"""What other implementations made of weights by formula, as `make_taming.py` recorded it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from tests.recorded.weights import weight


@dataclass(frozen=True)
class Recorded:
    """Inputs and outputs, and the public layout of the weights."""

    tensors: dict[str, Tensor]
    fields: dict[str, Any]

    @property
    def published(self) -> dict[str, Tensor]:
        """The weights by formula, under their published names."""
        gain = self.fields.get("gain", 1.0)
        return {
            name: torch.from_numpy(weight(name, tuple(shape), gain=gain))
            for name, shape in self.fields["layout"].items()
        }


def recorded(name: str) -> Recorded:
    """The record called `name`."""
    with safe_open(Path(__file__).with_name(f"{name}.safetensors"), framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return Recorded(tensors, json.loads(file.metadata()["recorded"]))
