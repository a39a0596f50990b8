"""Methods by their jobs: the family's module, the precision of the job, the files of the family."""

from pathlib import Path

import pytest

from lass.methods.opening import open_family
from lass.methods.settings import BlindJob, SupervisedJob


def test_a_method_is_opened_by_its_family() -> None:
    files = {"sources": Path("x"), "mixtures": Path("y"), "codec": Path("z")}
    method, given = open_family(BlindJob(name="repet", rate=8000, seed=0), files, device="cpu")
    assert type(method).__module__ == "lass.methods.blind"
    assert (given.device.type, given.precision, given.codec) == ("cpu", "float32", Path("z"))


def test_what_cannot_be_opened() -> None:
    job = SupervisedJob(name="conv_tasnet", classes=["drums", "bass"], rate=16000)
    with pytest.raises(ValueError, match="this method needs the network: give its file"):
        open_family(job, {}, device="cpu")
    with pytest.raises(ValueError, match="device 'tpu': choose auto, cpu or cuda"):
        open_family(job, {}, device="tpu")
