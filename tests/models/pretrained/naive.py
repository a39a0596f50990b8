"""The published networks once more, with loops over single numbers in float64, from published names."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Weights:
    """Tensors by the beginning of their published name."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        self.tensors = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()}

    def of(self, name: str) -> tuple[Array, Array]:
        """Weight and bias."""
        return self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def has(self, name: str) -> bool:
        """Whether there is such a layer."""
        return f"{name}.weight" in self.tensors


# --- images ---


def convolved(x: Array, weight: Array, bias: Array, *, stride: int = 1, before: int = 0) -> Array:
    """[I, H, W] -> [O, ...]: output (r, c) is centred `before` below and right of input (r, c) * stride.

    What lies outside of the image is zero; kernels are square.
    """
    size = weight.shape[-1]
    rows, columns = (side // stride for side in x.shape[1:])
    result = np.zeros((len(weight), rows, columns))
    for o, r, c in np.ndindex(*result.shape):
        total = bias[o]
        for i, y, z in np.ndindex(len(x), size, size):
            row, column = r * stride + y - before, c * stride + z - before
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                total += weight[o, i, y, z] * x[i, row, column]
        result[o, r, c] = total
    return result


def grouped(x: Array, weight: Array, bias: Array, groups: int) -> Array:
    """Every group of channels to zero mean and unit variance, and then channel by channel."""
    result = np.zeros_like(x)
    size = len(x) // groups
    for channel in range(len(x)):
        members = x[channel // size * size : channel // size * size + size]
        mean = sum(members.ravel()) / members.size
        variance = sum((value - mean) ** 2 for value in members.ravel()) / members.size
        result[channel] = (x[channel] - mean) / math.sqrt(variance + 1e-6) * weight[channel] + bias[channel]
    return result


def swish(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)))


def residual(x: Array, weights: Weights, name: str, groups: int) -> Array:
    changed = swish(grouped(x, *weights.of(f"{name}.norm1"), groups))
    changed = convolved(changed, *weights.of(f"{name}.conv1"), before=1)
    changed = swish(grouped(changed, *weights.of(f"{name}.norm2"), groups))
    changed = convolved(changed, *weights.of(f"{name}.conv2"), before=1)
    if weights.has(f"{name}.nin_shortcut"):
        x = convolved(x, *weights.of(f"{name}.nin_shortcut"))
    return x + changed


def attended(x: Array, weights: Weights, name: str, groups: int) -> Array:
    """Pixel by pixel: a weighted mean of the values of all pixels."""
    even = grouped(x, *weights.of(f"{name}.norm"), groups)
    q, k, v = (convolved(even, *weights.of(f"{name}.{part}")) for part in "qkv")
    read = np.zeros_like(x)
    pixels = list(np.ndindex(*x.shape[1:]))
    for here in pixels:
        scores = [float(q[:, *here] @ k[:, *there]) / math.sqrt(len(x)) for there in pixels]
        total = sum(math.exp(score) for score in scores)
        for score, there in zip(scores, pixels, strict=True):
            read[:, *here] += math.exp(score) / total * v[:, *there]
    return x + convolved(read, *weights.of(f"{name}.proj_out"))


def middle(x: Array, weights: Weights, name: str, groups: int) -> Array:
    x = residual(x, weights, f"{name}.mid.block_1", groups)
    return residual(
        attended(x, weights, f"{name}.mid.attn_1", groups), weights, f"{name}.mid.block_2", groups
    )


def blocks(x: Array, weights: Weights, name: str, groups: int) -> Array:
    number = 0
    while weights.has(f"{name}.block.{number}.conv1"):
        x = residual(x, weights, f"{name}.block.{number}", groups)
        if weights.has(f"{name}.attn.{number}.q"):
            x = attended(x, weights, f"{name}.attn.{number}", groups)
        number += 1
    return x


def encoded(image: Array, weights: Weights, *, levels: int, groups: int) -> Array:
    """Latents [C, rows, columns] of an image [colours, H, W] in [0, 1], ready for the codebook."""
    x = convolved(image * 2 - 1, *weights.of("encoder.conv_in"), before=1)
    for level in range(levels):
        x = blocks(x, weights, f"encoder.down.{level}", groups)
        if level < levels - 1:
            x = convolved(x, *weights.of(f"encoder.down.{level}.downsample.conv"), stride=2)
    x = swish(grouped(middle(x, weights, "encoder", groups), *weights.of("encoder.norm_out"), groups))
    return convolved(convolved(x, *weights.of("encoder.conv_out"), before=1), *weights.of("quant_conv"))


def nearest(latents: Array, codebook: Array) -> list[int]:
    """Codes in raster order."""
    rows = [latents[:, r, c] for r, c in np.ndindex(*latents.shape[1:])]
    return [min(range(len(codebook)), key=lambda k: float(((row - codebook[k]) ** 2).sum())) for row in rows]


def decoded(latents: Array, weights: Weights, *, levels: int, groups: int) -> Array:
    """The image [colours, H, W] in [0, 1] of latents [C, rows, columns]."""
    x = convolved(latents, *weights.of("post_quant_conv"))
    x = middle(convolved(x, *weights.of("decoder.conv_in"), before=1), weights, "decoder", groups)
    for level in range(levels - 1, -1, -1):
        x = blocks(x, weights, f"decoder.up.{level}", groups)
        if level > 0:
            x = np.asarray(np.kron(x, np.ones((1, 2, 2))), dtype=np.float64)  # every pixel four times
            x = convolved(x, *weights.of(f"decoder.up.{level}.upsample.conv"), before=1)
    x = convolved(
        swish(grouped(x, *weights.of("decoder.norm_out"), groups)), *weights.of("decoder.conv_out"), before=1
    )
    return np.asarray(np.minimum(np.maximum((x + 1) / 2, 0), 1))


# --- codes ---


def layer_normed(x: Array, weight: Array, bias: Array) -> Array:
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / len(x)
    return np.asarray((x - mean) / math.sqrt(variance + 1e-5) * weight + bias)


def gelu(x: float) -> float:
    """x times the normal distribution's function."""
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def gelu_new(x: float) -> float:
    """Its approximation by a hyperbolic tangent."""
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def next_codes(inputs: list[int], weights: Weights, *, heads: int) -> Array:
    """Logits [S, K] after each of `inputs` [S], by a transformer of taming-transformers."""
    rows = [weights.tensors["tok_emb.weight"][code] for code in inputs]
    rows = [row + weights.tensors["pos_emb"][0, place] for place, row in enumerate(rows)]

    def layer(x: Array, name: str) -> Array:
        weight, bias = weights.of(name)
        return np.asarray(weight @ x + bias)

    block = 0
    while weights.has(f"blocks.{block}.ln1"):
        name = f"blocks.{block}"
        even = [layer_normed(row, *weights.of(f"{name}.ln1")) for row in rows]
        q, k, v = ([layer(row, f"{name}.attn.{part}") for row in even] for part in ("query", "key", "value"))
        rows = [
            row + layer(read_past(q[here], k[: here + 1], v[: here + 1], heads), f"{name}.attn.proj")
            for here, row in enumerate(rows)
        ]
        hidden = [layer(layer_normed(row, *weights.of(f"{name}.ln2")), f"{name}.mlp.0") for row in rows]
        hidden = [np.array([gelu(float(value)) for value in row]) for row in hidden]
        rows = [row + layer(wide, f"{name}.mlp.2") for row, wide in zip(rows, hidden, strict=True)]
        block += 1
    final = [layer_normed(row, *weights.of("ln_f")) for row in rows]
    return np.stack([weights.tensors["head.weight"] @ row for row in final])


def next_codes_of_gpt2(inputs: list[int], weights: Weights, *, heads: int) -> Array:
    """The same by GPT-2, whose matrices are applied from the right."""
    rows = [weights.tensors["wte.weight"][code] for code in inputs]
    rows = [row + weights.tensors["wpe.weight"][place] for place, row in enumerate(rows)]

    def layer(x: Array, name: str) -> Array:
        weight, bias = weights.of(name)
        return np.asarray(x @ weight + bias)

    block = 0
    while weights.has(f"h.{block}.ln_1"):
        name = f"h.{block}"
        mixed = [layer(layer_normed(row, *weights.of(f"{name}.ln_1")), f"{name}.attn.c_attn") for row in rows]
        width = len(rows[0])
        q, k, v = ([row[part * width : (part + 1) * width] for row in mixed] for part in range(3))
        rows = [
            row + layer(read_past(q[here], k[: here + 1], v[: here + 1], heads), f"{name}.attn.c_proj")
            for here, row in enumerate(rows)
        ]
        hidden = [layer(layer_normed(row, *weights.of(f"{name}.ln_2")), f"{name}.mlp.c_fc") for row in rows]
        hidden = [np.array([gelu_new(float(value)) for value in row]) for row in hidden]
        rows = [row + layer(wide, f"{name}.mlp.c_proj") for row, wide in zip(rows, hidden, strict=True)]
        block += 1
    final = [layer_normed(row, *weights.of("ln_f")) for row in rows]
    return np.stack([weights.tensors["wte.weight"] @ row for row in final])


def read_past(q: Array, keys: list[Array], values: list[Array], heads: int) -> Array:
    """What one position reads [width] from those up to itself, head by head."""
    width = len(q) // heads
    read = np.zeros_like(q)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = [math.exp(float(q[own] @ key[own]) / math.sqrt(width)) for key in keys]
        for score, value in zip(scores, values, strict=True):
            read[own] += score / sum(scores) * value[own]
    return read
