"""Checks of given checkpoints by their headers alone, before a job reads them."""

from collections.abc import Sequence
from pathlib import Path

from lass.models.diffusion_headers import describe_denoiser, refuse_unfit
from lass.models.diffusion_settings import DenoiserCheck
from lass.models.headers import check_vqvae, describe_checkpoint, kind_of
from lass.models.pretrained.registry import CODECS
from lass.models.settings import CodecCheck
from lass.storage import interpreting


def check_given_codec(path: Path, check: CodecCheck) -> None:
    """ValueError where the codec at `path` is none, or does not agree with `check`: before a job reads it.

    Imported codecs are checked as they are opened.
    """
    if kind_of(path) not in CODECS:
        header = describe_checkpoint(path, "vqvae")
        with interpreting(path):
            check_vqvae(path, header, rate=check.rate, hop=check.hop)


def check_given_denoiser(
    path: Path, *, classes: Sequence[str], conditional: bool, data: DenoiserCheck
) -> None:
    """ValueError where the denoiser at `path` is none, or does not fit (`refuse_unfit`)."""
    refuse_unfit(path, describe_denoiser(path), classes=classes, conditional=conditional, data=data)
