"""Tiny codecs with random weights in folders of Hugging Face's layout, made by `transformers` itself.

The package is an extra: tests of it are skipped where it is not installed.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

DAC = {
    "encoder_hidden_size": 4,
    "decoder_hidden_size": 32,
    "downsampling_ratios": [2, 4, 8],
    "n_codebooks": 3,
    "codebook_size": 32,
    "codebook_dim": 4,
    "sampling_rate": 8000,
}
ENCODEC = {
    "num_filters": 4,
    "hidden_size": 8,
    "codebook_size": 32,
    "upsampling_ratios": [8, 4, 2],
    "num_lstm_layers": 1,
    "sampling_rate": 8000,
    "target_bandwidths": [1.25, 1.875],  # 2 and 3 codebooks of 5 bits, 125 times a second
}
MIMI = {
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_size": 32,
    "codebook_dim": 8,
    "vector_quantization_hidden_dimension": 8,
    "upsampling_ratios": [8, 4],
    "num_quantizers": 3,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 16,
    "upsample_groups": 16,
    "sliding_window": 6,
    "frame_rate": 125,
    "sampling_rate": 8000,
}
SIZES: dict[str, dict[str, Any]] = {"dac": DAC, "encodec": ENCODEC, "mimi": MIMI}
"""Kind to its smallest sizes: 32 codes and 64 samples per token, at 8 kHz."""
PREFIXES = {"dac": "Dac", "encodec": "Encodec", "mimi": "Mimi"}
CODEBOOKS = ("codebook.weight", "codebook.embed", "codebook.embed_sum")


def tiny_model(kind: str, *, seed: int = 0, **sizes: Any) -> Any:
    """A model of transformers with random weights, ready for inference."""
    transformers = pytest.importorskip("transformers", reason="the extra huggingface is not installed")
    config = getattr(transformers, f"{PREFIXES[kind]}Config")(**(SIZES[kind] | sizes))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, f"{PREFIXES[kind]}Model")(config).eval().requires_grad_(False)
        for name, tensor in model.state_dict().items():
            tensor.copy_(random_like(kind, name, tensor))
        if kind == "encodec":  # its latents are small: rows near them, so that many codes are chosen
            audio = 0.3 * torch.randn(1, config.audio_channels, 64 * config.codebook_size)
            model.quantizer.layers[0].codebook.embed.copy_(model.encoder(audio)[0].T)
    return model


def random_like(kind: str, name: str, tensor: Tensor) -> Tensor:
    """Numbers in the place of a tensor that would begin at 0 or 1, or too small to be heard."""
    noise = torch.randn(tensor.shape)
    if name.endswith(CODEBOOKS):
        return noise * torch.rand(len(tensor), 1).add(0.5)  # rows of different lengths
    if name.endswith("cluster_usage"):
        return noise.abs() + 0.5
    if name.endswith("alpha"):
        return 1 + 0.1 * noise
    if name.endswith("layer_scale.scale"):
        return 0.5 + 0.1 * noise
    if kind == "dac" and name.endswith("bias"):
        return 0.1 * noise
    if kind == "dac" and name.endswith("weight") and "conv_t1" not in name:
        return noise.div(tensor[0].numel() ** 0.5)
    return tensor


def tiny_folder(folder: Path, kind: str, **sizes: Any) -> Any:
    """Write a tiny model to `folder`, and return it."""
    model = tiny_model(kind, **sizes)
    model.save_pretrained(folder)
    return model
