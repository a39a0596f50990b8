"""Checkpoints: weights as safetensors with the network's shape, its kind and its provenance in the header.

Loading never unpickles, refuses formats that it does not know, and names the file in every error.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lass.compute.seeds import generator
from lass.models.headers import FORM, VERSION, check_vqvae, describe_checkpoint
from lass.models.transformer import Transformer, TransformerShape
from lass.models.vqvae import Vqvae, VqvaeShape
from lass.storage import damaged, interpreting, read_tensors, write_tensors


def write_checkpoint(path: Path, network: Vqvae | Transformer, *, provenance: Mapping[str, Any]) -> None:
    """Write `network` with its shape; `provenance` (configuration, seed, version, losses) is kept as JSON.

    Weights are rounded to half precision, codebooks are not: a code is an exact address.
    """
    kind = type(network).__name__.lower()
    tensors = {
        name: tensor if name.startswith("quantizer.") or not tensor.is_floating_point() else tensor.half()
        for name, tensor in network.state_dict().items()
    }
    fields = {"kind": kind, "shape": asdict(network.shape), "provenance": dict(provenance)}
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def load_weights(path: Path, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy `tensors` into `network`; tensors that do not fit are an error that names the file."""
    try:
        network.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor
                                 for name, tensor in tensors.items()})  # fmt: skip
    except RuntimeError as error:
        raise ValueError(
            f"{path}: weights do not fit the shape in the header ({error}); make it again"
        ) from error


class _Unfilled(TorchFunctionMode):
    """Networks are built without first weights: on no device, these would take seconds of imports."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func`, but for those that fill a tensor."""
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        if func in (torch.rand, torch.randn):
            func = torch.empty
        return func(*args, **(kwargs or {}))


def check_weights(
    path: Path, make: Callable[[], nn.Module], tensors: Mapping[str, Tensor], *, depth: int
) -> None:
    """ValueError, naming the file, unless `tensors` are the weights of the network that `make` builds.

    Neither memory nor time is taken by what a damaged header says: the network is built without numbers, and
    not if it has more than a layer for every tensor, as its `depth` says.
    """
    if depth > len(tensors):
        raise damaged(path, f"its header says {depth} layers, but it holds {len(tensors)} tensors")
    with torch.device("meta"), _Unfilled():
        wanted = {name: _layout(tensor) for name, tensor in make().state_dict().items()}
    held = {name: _layout(tensor) for name, tensor in tensors.items()}
    for name in sorted(wanted.keys() | held.keys()):
        if wanted.get(name) != held.get(name):
            raise ValueError(
                f"{path}: weights do not fit the shape in the header ({name} is {held.get(name)}, and "
                f"{wanted.get(name)} is wanted); make it again"
            )
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise damaged(path, f"{name} holds NaN or infinity")


def _layout(tensor: Tensor) -> str:
    """What a damaged header may get wrong: floats of any precision are as good."""
    return f"{list(tensor.shape)} of {'floats' if tensor.is_floating_point() else 'integers'}"


def read_vqvae(path: Path, *, rate: int | None = None, hop: int | None = None) -> Vqvae:
    """The VQ-VAE stored at `path`, ready for inference.

    ValueError where it was trained at another `rate` (Hz) than given, or has another `hop` (samples per
    token).
    """
    header = describe_checkpoint(path, "vqvae")
    with interpreting(path):
        check_vqvae(path, header, rate=rate, hop=hop)
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in header["shape"].items()
        }
        shape = VqvaeShape(**values)
        tensors = read_tensors(path)
        depth = shape.encoder_blocks + shape.decoder_blocks
        check_weights(path, partial(Vqvae, shape), tensors, depth=depth)
        network = Vqvae(shape)
        load_weights(path, network, tensors)
    return network.eval().requires_grad_(False)


def read_transformer(path: Path, *, codebook: str | None = None) -> Transformer:
    """The prior's network stored at `path`, ready for inference.

    ValueError where it was trained on codes of another codebook than the one that `codebook` names.
    """
    header = describe_checkpoint(path, "transformer")
    with interpreting(path):
        trained_on = header["provenance"].get("codebook")
        if codebook is not None and trained_on != codebook:
            raise ValueError(
                f"{path}: trained on codes of codebook {trained_on}, but the VQ-VAE has {codebook}; "
                "train the prior on tokens of this VQ-VAE"
            )
        shape, tensors = TransformerShape(**header["shape"]), read_tensors(path)
        check_weights(path, partial(Transformer, shape), tensors, depth=shape.layers)
        network = Transformer(shape)
        load_weights(path, network, tensors)
    return network.eval().requires_grad_(False)


def new_network(kind: type[nn.Module], *args: Any, seed: int, **kwargs: Any) -> Any:
    """A network with weights drawn from `seed`, leaving torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(seed, "weights").integers(1 << 62)))
        return kind(*args, **kwargs)
