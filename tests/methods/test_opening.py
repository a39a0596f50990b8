"""Methods by their jobs: the family's module, the precision of the job, the files of the family."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.mixtures import Batch
from lass.methods.opening import open_family
from lass.methods.settings import BlindJob, CeilingJob, OracleJob, SupervisedJob
from lass.models.settings import CodecCheck


def test_a_method_is_opened_by_its_family() -> None:
    files = {"sources": Path("x"), "mixtures": Path("y"), "codec": Path("z")}
    method, given = open_family(BlindJob(name="repet", rate=8000, seed=0), files, device="cpu")
    assert type(method).__module__ == "lass.methods.blind"
    assert (str(given.device), given.precision, given.codec) == ("cpu", "float32", Path("z"))


def test_a_method_without_a_network_has_no_device() -> None:
    method, given = open_family(OracleJob(name="mixture", rate=8000), {}, device=None)
    assert (given.device, given.hardware, given.precision) == (None, "CPU", "float32")
    mixtures = np.random.default_rng(0).random((1, 8000), dtype=np.float32)
    weights = np.full((1, 2), 0.5, dtype=np.float32)
    batch = Batch([0], [["a", "b"]], np.stack([mixtures, mixtures], axis=1), weights, mixtures)
    np.testing.assert_array_equal(method.separate(batch), np.stack([2 * mixtures, 2 * mixtures], axis=1))


def test_a_network_needs_a_device() -> None:
    job = CeilingJob(codec=CodecCheck(hop=64))
    with pytest.raises(ValueError, match="this method runs a network: give it a device"):
        open_family(job, {"codec": Path("x")}, device=None)


def test_what_cannot_be_opened() -> None:
    job = SupervisedJob(name="conv_tasnet", classes=["drums", "bass"], rate=16000)
    with pytest.raises(ValueError, match="this method needs the network: give its file"):
        open_family(job, {}, device="cpu")
    with pytest.raises(ValueError, match="device 'tpu': choose auto, cpu or cuda"):
        open_family(job, {}, device="tpu")
