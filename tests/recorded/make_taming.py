"""Record what other implementations make of weights by formula: files that the tests compare with.

Run once, in an environment of its own, from the repository's root:

    python -m venv oracle && . oracle/bin/activate
    pip install torch numpy safetensors einops transformers==4.57.6
    pip install --no-deps taming-transformers-rom1504==0.0.6
    PYTHONPATH=. python tests/recorded/make_taming.py
"""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from tests.recorded.weights import drawn, weight

FOLDER = Path(__file__).parent
TINY = {"ch": 32, "ch_mult": (1, 1, 2), "num_res_blocks": 1, "attn_resolutions": [4], "resolution": 16}
TINY |= {"z_channels": 8, "codes": 24, "code_channels": 6}
FULL = {"ch": 128, "ch_mult": (1, 1, 2, 2, 4), "num_res_blocks": 2, "attn_resolutions": [16]}
FULL |= {"resolution": 256, "z_channels": 256, "codes": 1024, "code_channels": 256}
GPT = {"vocab_size": 20, "block_size": 9, "n_layer": 2, "n_head": 2, "n_embd": 16}
EVERY = 16  # pixels in either direction of which one is kept of the full-size image


def vqgan(sizes: dict[str, Any]) -> nn.ModuleDict:
    """Parts of the published VQ-GAN under their published names."""
    model = importlib.import_module("taming.modules.diffusionmodules.model")
    quantize = importlib.import_module("taming.modules.vqvae.quantize")
    layers = {k: v for k, v in sizes.items() if k not in ("codes", "code_channels")}
    layers |= {"out_ch": 3, "in_channels": 3, "dropout": 0.0, "double_z": False}
    wide, narrow = sizes["z_channels"], sizes["code_channels"]
    return nn.ModuleDict(
        {
            "encoder": model.Encoder(**layers),
            "decoder": model.Decoder(**layers),
            "quantize": quantize.VectorQuantizer2(sizes["codes"], narrow, beta=0.25),
            "quant_conv": nn.Conv2d(wide, narrow, 1),
            "post_quant_conv": nn.Conv2d(narrow, wide, 1),
        }
    ).eval()


def fill(network: nn.Module, *, gain: float) -> dict[str, list[int]]:
    """Give `network` the weights by formula; names and shapes of its state."""
    layout = {}
    for name, tensor in network.state_dict().items():
        layout[name] = list(tensor.shape)
        if name == "lm_head.weight":  # the same tensor as the embedding
            continue
        if not name.endswith(("attn.mask", "attn.bias", "attn.masked_bias")) or "c_attn" in name:
            tensor.copy_(torch.from_numpy(weight(name, tuple(tensor.shape), gain=gain)))
    return layout


def record(path: str, tensors: dict[str, Tensor], **fields: Any) -> None:
    """Write `tensors`, with `fields` as JSON in the header."""
    arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in tensors.items()}
    save_file(arrays, FOLDER / path, metadata={"recorded": json.dumps(fields, sort_keys=True)})


def record_vqgan(path: str, sizes: dict[str, Any], *, gain: float, number: int, every: int) -> None:
    """Codes of images by formula, what they are decoded to."""
    network = vqgan(sizes)
    layout = fill(network, gain=gain)
    side = sizes["resolution"]
    pixels = torch.from_numpy(drawn("images", (number, 3, side // 4, side // 4)) + 1) / 2
    images = nn.functional.interpolate(pixels, scale_factor=4.0, mode="bilinear")  # smooth, in [0, 1]
    latents = network["quant_conv"](network["encoder"](2 * images - 1))
    vectors, _, (_, _, codes) = network["quantize"](latents)
    decoded = network["decoder"](network["post_quant_conv"](vectors))
    rows = latents.permute(0, 2, 3, 1).flatten(0, 2)
    codebook: Tensor = network.get_parameter("quantize.embedding.weight")
    nearest = torch.cdist(rows.double(), codebook.double()).square().topk(2, largest=False).values
    margins = nearest[:, 1] - nearest[:, 0]
    assert len(codes.unique()) > 10, "few codes are no test"
    assert float(margins.min()) > 1e-3, "codes that are no clear choice may differ by rounding"
    assert float(((decoded > -1) & (decoded < 1)).float().mean()) > 0.9, "clipped images are no test"
    tensors = {
        "images": images[..., ::every, ::every] if every > 1 else images,
        "codes": codes.view(number, -1),
        "latents": latents.flatten(2).transpose(1, 2)[:, ::every],
        "decoded": ((decoded + 1) / 2).clamp(0, 1)[..., ::every, ::every],
    }
    record(path, tensors, layout=layout, gain=gain, every=every)


def record_gpt() -> None:
    """Logits of codes by formula, each row after another class."""
    transformers: Any = importlib.import_module("transformers")
    if not hasattr(transformers, "top_k_top_p_filtering"):  # what the module imports and does not need here
        transformers.top_k_top_p_filtering = None
    network = importlib.import_module("taming.modules.transformer.mingpt").GPT(**GPT).eval()
    layout = fill(network, gain=1.0)
    codes, classes = codes_and_classes()
    logits = network(torch.cat([classes[:, None], codes[:, :-1]], dim=1))[0]
    record("taming_gpt.safetensors", {"codes": codes, "classes": classes, "logits": logits}, layout=layout)


def record_gpt2() -> None:
    """The same of GPT-2."""
    transformers: Any = importlib.import_module("transformers")
    config = transformers.GPT2Config(vocab_size=20, n_positions=9, n_embd=16, n_layer=2, n_head=2)
    network = transformers.GPT2LMHeadModel(config).eval()
    layout = fill(network, gain=1.0)
    assert network.lm_head.weight is network.transformer.wte.weight
    codes, classes = codes_and_classes()
    logits = network(torch.cat([classes[:, None], codes[:, :-1]], dim=1)).logits
    record("gpt2.safetensors", {"codes": codes, "classes": classes, "logits": logits}, layout=layout)


def codes_and_classes() -> tuple[Tensor, Tensor]:
    """Codes [3, 9] of 20, and a class for each row."""
    codes = (10 * (drawn("codes", (3, 9)) + 1)).astype(np.int64)
    return torch.from_numpy(codes), torch.tensor([0, 3, 19])


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.inference_mode():
        record_vqgan("taming_vqgan.safetensors", TINY, gain=1.0, number=3, every=1)
        record_gpt()
        record_gpt2()
        record_vqgan("taming_vqgan_full.safetensors", FULL, gain=1.0, number=1, every=EVERY)
