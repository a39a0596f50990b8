"""Record what the original networks of Jukebox make of random weights, for `test_jukebox.py` to compare with.

Not part of the tests: it needs the package jukebox-infer (0.1.2), which is the original's code, in an
environment of its own beside what lass needs. From the repository's root:

    python -m venv --system-site-packages /path/of/its/own
    /path/of/its/own/bin/pip install --no-deps jukebox-infer==0.1.2 unidecode tqdm
    PYTHONPATH=. /path/of/its/own/bin/python tests/recorded/make_jukebox.py

Weights are rounded to half precision first, which keeps the files small and changes nothing else.
"""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lass.storage import write_tensors
from tests.models.pretrained.public_jukebox import HALVINGS, level_sizes, prior_sizes, random_weights

HERE = Path(__file__).parent
FORM, VERSION = "lass.tests.recorded", 1
VQVAE = {"codes": 16, "emb": 5, "width": 4, "depth": 3}
PRIOR = {"codes": 16, "context": 32, "layers": 7, "width": 12, "inner": 3, "hidden": 12}
BLOCKS = 8


def original_vqvae() -> Any:
    return import_module("jukebox_infer.vqvae.vqvae").VQVAE(
        input_shape=(1 << 12, 1),
        levels=3,
        downs_t=HALVINGS,
        strides_t=(2, 2, 2),
        emb_width=VQVAE["emb"],
        l_bins=VQVAE["codes"],
        mu=0.99,
        commit=0.02,
        spectral=0,
        multispectral=1,
        width=VQVAE["width"],
        depth=VQVAE["depth"],
        m_conv=1.0,
        dilation_growth_rate=3,
        dilation_cycle=None,
        reverse_decoder_dilation=True,
    )


def original_prior() -> Any:
    return import_module("jukebox_infer.prior.autoregressive").ConditionalAutoregressive2D(
        input_shape=(PRIOR["context"],),
        bins=PRIOR["codes"],
        width=PRIOR["width"],
        depth=PRIOR["layers"],
        heads=1,
        blocks=BLOCKS,
        attn_order=2,
        m_attn=PRIOR["inner"] / PRIOR["width"],
        m_mlp=PRIOR["hidden"] / PRIOR["width"],
    )


def rounded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.half() for name, each in weights.items()}


def write(name: str, weights: dict[str, Tensor], **results: Tensor) -> None:
    tensors = {f"weights.{key}": each for key, each in weights.items()} | results
    made = {"made_by": f"jukebox-infer {version('jukebox-infer')}, torch {torch.__version__}"}
    write_tensors(HERE / name, tensors, form=FORM, version=VERSION, fields=made)


def record_vqvae() -> None:
    network = original_vqvae().eval()
    weights = rounded(random_weights(level_sizes(2, **VQVAE), seed=11))
    state = network.state_dict()
    assert {name: each.shape for name, each in state.items() if is_top(name)} == {
        name: each.shape for name, each in weights.items()
    }
    network.load_state_dict(state | {name: each.float() for name, each in weights.items()})
    audio = torch.randn(1, 128 * 20, generator=torch.Generator().manual_seed(12))
    with torch.no_grad():
        (codes,) = network.encode(audio[..., None], start_level=2, end_level=3)
        decoded = network.decode([codes], start_level=2, end_level=3)[..., 0]
    write("jukebox_vqvae.safetensors", weights, audio=audio, codes=codes, decoded=decoded)


def is_top(name: str) -> bool:
    return name.startswith(("encoders.2.", "decoders.2.", "bottleneck.level_blocks.2."))


def record_prior() -> None:
    torch.cuda.LongTensor = torch.LongTensor  # type: ignore[attr-defined]  # which the original insists on
    weights = rounded(random_weights(prior_sizes(**PRIOR), seed=13))
    network = original_prior().eval()
    network.load_state_dict({name.removeprefix("prior."): each.float() for name, each in weights.items()})
    draw = torch.Generator().manual_seed(14)
    codes = torch.randint(PRIOR["codes"], (2, PRIOR["context"]), generator=draw)
    with torch.no_grad():
        _, logits = network(codes, get_preds=True)
    write("jukebox_prior.safetensors", weights, codes=codes, logits=logits)


if __name__ == "__main__":
    record_vqvae()
    record_prior()
