"""Weights that need no file: a function of a tensor's name and shape, the same with every library.

Uniform numbers of numpy's legacy generator, whose stream is frozen. Numpy alone: what records the outputs
of other implementations runs where nothing of this project is installed.
"""

import math
import zlib

import numpy as np


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform numbers in [-1, 1) of their own for every `name`, float32 of `shape`."""
    stream = np.random.RandomState(zlib.crc32(name.encode()))
    return np.asarray(2 * stream.random_sample(shape) - 1, dtype=np.float32)


def weight(name: str, shape: tuple[int, ...], *, gain: float = 1.0) -> np.ndarray:
    """Weights that keep a signal's size: norms near 1, small biases, matrices by their inputs.

    `gain` scales what is no vector. Kernels and matrices are [outputs, inputs, ...], and the other way round
    where the name is one of GPT-2's.
    """
    numbers = drawn(name, shape)
    if len(shape) < 2:
        return np.asarray(0.2 * numbers + np.float32(name.endswith(("weight", "running_var"))))
    if "emb" in name or "wte" in name or "wpe" in name:
        return gain * numbers
    inputs = shape[0] if ".c_" in name else math.prod(shape[1:])
    return (gain * math.sqrt(3 / inputs) * numbers).astype(np.float32)
