"""What is tokenized: the data points of a shard, some at a time."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encodable:
    """Data points that are encoded together."""

    items: list[str]  # name of each, B
    classes: list[str]  # class of each, B
    data: np.ndarray  # [B, T] float32
