"""VQ-GANs as the library diffusers stores them (its class VQModel), by the names of taming-transformers.

Copies of the published VQ-GANs on Hugging Face have this layout, as safetensors. Levels of the decoder are
numbered in the order in which they run, and what attention computes pixel by pixel is a matrix.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from lass.models.pretrained.checking import count

MARK = r"(encoder\.down_blocks|decoder\.up_blocks)\."  # how names of this layout can begin
_RENAMED = (  # theirs, and what the published file calls it; applied one after the other
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."),
    (r"^encoder\.down_blocks\.", "encoder.down."),
    (r"\.resnets\.", ".block."),
    (r"\.attentions\.", ".attn."),
    (r"\.(down|up)samplers\.0\.", r".\1sample."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.group_norm\.", ".norm."),
    (r"\.(to_q|query)\.", ".q."),  # the second of each pair until 2023
    (r"\.(to_k|key)\.", ".k."),
    (r"\.(to_v|value)\.", ".v."),
    (r"\.(to_out\.0|proj_attn)\.", ".proj_out."),
)


def by_published_names(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """`tensors` as a published file has them; as they are where they have no name of this layout."""
    if not any(re.match(MARK, name) for name in tensors):
        return tensors
    levels = count(tensors, "decoder.up_blocks.{}.resnets.0.conv1.weight")
    return dict(published(name, tensor, levels=levels) for name, tensor in tensors.items())


def published(name: str, tensor: Tensor, *, levels: int) -> tuple[str, Tensor]:
    """Name and tensor of one of this layout as a published file has them, for a decoder of so many levels."""

    def level(match: re.Match[str]) -> str:
        return f"decoder.up.{levels - 1 - int(match[1])}."

    name = re.sub(r"^decoder\.up_blocks\.(\d+)\.", level, name)
    for theirs, ours in _RENAMED:
        name = re.sub(theirs, ours, name)
    pixelwise = re.search(r"\.attn[._].*\.weight$", name) and tensor.dim() == 2
    return name, tensor[:, :, None, None] if pixelwise else tensor
