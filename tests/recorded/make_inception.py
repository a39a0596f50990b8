"""Record the features that pytorch-fid's network makes of images, with weights by formula.

Run once, in an environment of its own, from the repository's root:

    python -m venv oracle && . oracle/bin/activate
    pip install torch torchvision safetensors pytorch-fid==0.3.0
    PYTHONPATH=. python tests/recorded/make_inception.py
"""

import importlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file

from tests.recorded.weights import drawn, weight

GAIN = 2**0.5  # what is positive has half of the energy


def main() -> None:
    """Features of two images, smaller than the network's input."""
    models: Any = importlib.import_module("torchvision.models")
    inception: Any = importlib.import_module("pytorch_fid.inception")
    plain = models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    shapes = {name: tuple(tensor.shape) for name, tensor in plain.state_dict().items()}
    state = {
        name: torch.from_numpy(weight(name, shape, gain=GAIN)) if shape else torch.tensor(0)
        for name, shape in shapes.items()
    }
    inception.load_state_dict_from_url = lambda *_, **__: state  # the published file is not needed
    network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]]).eval()
    images = torch.from_numpy(drawn("faces", (2, 3, 40, 32)) + 1) / 2
    features = network(images)[0][:, :, 0, 0]
    assert features.std() > 0.1
    assert (features[0] - features[1]).abs().mean() > 0.01
    fields = {"layout": {name: list(shape) for name, shape in shapes.items()}, "gain": GAIN}
    path = Path(__file__).with_name("inception.safetensors")
    arrays = {"images": images.numpy(), "features": features.numpy()}
    save_file(arrays, path, metadata={"recorded": json.dumps(fields, sort_keys=True)})


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.inference_mode():
        main()
