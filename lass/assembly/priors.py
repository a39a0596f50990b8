"""A prior from its checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from lass.models.checkpoint import describe_checkpoint, read_transformer
from lass.models.transformer import TransformerPrior


def open_prior(
    path: Path, *, classes: Sequence[str], conditional: bool, source: str, codebook: str, length: int
) -> TransformerPrior:
    """The prior at `path` for the class `source` and sequences of `length` tokens.

    `classes` are those that it was trained on, in order; `conditional` says whether it is told which one it
    sees. ValueError, naming the file, where the checkpoint says otherwise, has another codebook or a shorter
    context.
    """
    network = read_transformer(path, codebook=codebook)
    stored = describe_checkpoint(path, "transformer")["provenance"].get("classes")
    if list(stored or classes) != list(classes):
        raise ValueError(
            f"{path}: trained on the classes {stored}, but configured for {list(classes)}; name its own"
        )
    starts = len(classes) if conditional else 1
    if network.shape.classes != starts:
        raise ValueError(
            f"{path}: has {network.shape.classes} start tokens, but {starts} are configured; correct "
            "`conditional`"
        )
    if network.shape.context < length:
        raise ValueError(
            f"{path}: its context of {network.shape.context} tokens is shorter than a mixture's {length}; "
            "lower mixtures.seconds or train a prior with a longer context"
        )
    return TransformerPrior(network, class_index=list(classes).index(source) if conditional else 0)
