"""The smallest codec that the parts of a separator can be put together with."""

from typing import Any

from lass.models.vqvae import VqvaeShape


def small_codec(*, stride: int, **changes: Any) -> VqvaeShape:
    """K = 6 codes, `stride` samples per token or pixels of a token's side."""
    sizes: dict[str, Any] = {"codes": 6, "code_channels": 2, "strides": (stride,), "channels": (4,)}
    sizes |= dict.fromkeys(("encoder_blocks", "decoder_blocks"), 0)
    sizes |= dict.fromkeys(("encoder_dilation", "decoder_dilation"), 1)
    return VqvaeShape(**sizes, **changes)
