"""Record what diffusers' VQModel makes of images, with weights by formula.

Run once, in an environment of its own, from the repository's root:

    python -m venv oracle && . oracle/bin/activate
    pip install torch numpy safetensors diffusers==0.42.1
    PYTHONPATH=. python tests/recorded/make_diffusers.py
"""

import importlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file

from tests.recorded.weights import drawn, weight

SIZES = {"block_out_channels": (32, 32, 64), "layers_per_block": 1, "latent_channels": 8}
SIZES |= {"num_vq_embeddings": 24, "vq_embed_dim": 6, "norm_num_groups": 32, "sample_size": 16}
DOWN = ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D")
UP = ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D")


def main() -> None:
    """Codes and decoded images of two images."""
    library: Any = importlib.import_module("diffusers")
    network = library.VQModel(down_block_types=DOWN, up_block_types=UP, **SIZES).eval()
    layout = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict({name: torch.from_numpy(weight(name, shape)) for name, shape in layout.items()})
    images = torch.from_numpy(drawn("images", (2, 3, 16, 16)) + 1) / 2
    latents = network.encode(2 * images - 1).latents
    vectors, _, (_, _, codes) = network.quantize(latents)
    decoded = network.decode(vectors, force_not_quantize=True).sample
    assert len(codes.unique()) > 5, "few codes are no test"
    tensors = {"images": images, "codes": codes.view(2, -1), "decoded": ((decoded + 1) / 2).clamp(0, 1)}
    fields = {"layout": {name: list(shape) for name, shape in layout.items()}}
    path = Path(__file__).with_name("diffusers_vqgan.safetensors")
    arrays = {name: tensor.contiguous().numpy() for name, tensor in tensors.items()}
    save_file(arrays, path, metadata={"recorded": json.dumps(fields, sort_keys=True)})


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.inference_mode():
        main()
