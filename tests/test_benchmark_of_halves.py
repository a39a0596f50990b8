"""Half sums beside their sources: by a prior whose likelihood is known in closed form."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.halves import compare, main, paired
from lass.evaluation.tables.files import read_csv, records
from tests.data.sources import write_library
from tests.workflow.runner import write_config

DEVIATION = 0.3


def white(noisy: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
    """The denoiser of white Gaussian sources of class 1."""
    assert (classes == 1).all()
    return noisy * (DEVIATION**2 / (DEVIATION**2 + sigma[:, None] ** 2))


def test_nats_of_gaussian_sources_are_those_of_the_closed_form() -> None:
    """Of independent sources a and b: twice (a + b) / 2 is likelier, by |a - b|² / 4 v."""
    rng = np.random.default_rng(0)
    first, second = torch.from_numpy(DEVIATION * rng.standard_normal((2, 20, 64)).astype(np.float32))
    compared = compare(white, first, second, deviation=DEVIATION, index=1, rng=rng)
    expected = -(first - second).square().sum(dim=1).double() / (4 * DEVIATION**2)
    assert torch.allclose(compared.nats, expected, rtol=0.01)
    assert compared.row["halves_likelier"] == 1
    assert compared.row["pairs"] == 20
    levels = list(compared.decibels.values())
    assert levels[-1] == pytest.approx(-3.0, abs=0.3), "of noise alone half the power is missed"
    assert levels[0] == pytest.approx(0.0, abs=0.01)


def test_sounds_are_brought_to_one_loudness_and_silence_is_left_out() -> None:
    sources = torch.tensor([[1.0, -1.0], [0.0, 0.0], [4.0, 4.0], [2.0, 0.0], [0.0, 3.0]])
    first, second = paired(sources, 0.5, images=False)
    assert first.shape == second.shape == (2, 2)
    assert torch.allclose(torch.cat([first, second]).square().mean(dim=1).sqrt(), torch.tensor(0.5))
    assert torch.equal(paired(sources, 0.5, images=True)[0], sources[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "sources/validation: make it by snakemake"),
        (["--mixtures", "1"], "give at least 2"),
        (["--config", "NONE"], "slakh has no section diffusion"),
        (["--config", "OWN"], "denoisers/songs.safetensors: make it by snakemake"),
    ],
)
def test_what_is_missing_is_named(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    none = {"datasets": {"slakh": {"diffusion": None, "tables": {"sdr": {"rows": ["mixture"]}}}}}
    configs = {
        "NONE": write_config(tmp_path / "none.yaml", none),
        "OWN": write_config(tmp_path / "own.yaml", {"pretrained": False}),
    }
    if "OWN" in options:
        (tmp_path / "slakh/sources/validation").mkdir(parents=True)
    given = [str(configs.get(option, option)) for option in options]
    monkeypatch.setattr(sys, "argv", ["halves", "--results", str(tmp_path), *given])
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err


def test_silence_makes_no_pairs() -> None:
    with pytest.raises(ValueError, match="0 sources that are not silent make 0 pairs: draw more"):
        paired(torch.zeros(4, 8), 0.5, images=False)


def test_every_prior_of_a_run_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of songs, which comes with the repository and is told two classes, of noise."""
    rng = np.random.default_rng(1)
    songs = {
        f"song_{number}": {name: 0.1 * rng.standard_normal(20_000) for name in ("drums", "bass")}
        for number in range(2)
    }
    folder = tmp_path / "slakh/sources/validation"
    folder.parent.mkdir(parents=True)
    write_library(folder, songs, rate=16_000)
    out = tmp_path / "out"
    arguments = ["--results", str(tmp_path), "--mixtures", "2", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["halves", *arguments])
    monkeypatch.setattr("benchmarks.halves.LEVELS", [0.5, 1.0])
    main()
    rows = records(read_csv(out / "halves.csv"))
    assert [(row["denoiser"], row["source"]) for row in rows] == [("songs", "drums"), ("songs", "bass")]
    assert all(row["pairs"] > 1 and np.isfinite(row["nats"]) for row in rows)
    assert "songs, bass" in capsys.readouterr().out
