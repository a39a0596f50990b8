"""The benchmark of training steps: which networks it times, in which sizes, and what it writes."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.problems import ROOT, read_settings
from benchmarks.training import WARM, Case, cases, main, seconds_per_step
from lass.config import AudioDataset

NETWORKS = ["codec", "prior drums", "prior bass", "network", "conv_tasnet", "hybrid_demucs"]


@pytest.fixture(scope="module")
def toy() -> AudioDataset:
    dataset = read_settings(ROOT / "config" / "test.yaml").datasets["slakh"]
    assert isinstance(dataset, AudioDataset)
    return dataset


def test_every_network_learns_from_batches_of_its_size(toy: AudioDataset) -> None:
    by_name = {case.name: case for case in cases(toy, torch.device("cpu"))}
    assert list(by_name) == NETWORKS
    rng = np.random.default_rng(0)
    assert by_name["codec"].draw(rng).shape == (4, 4096)
    codes, classes = by_name["prior bass"].draw(rng)
    assert codes.shape == (4, 250)  # tokens of a second
    assert not classes.any()
    mixtures, latents, truth = by_name["network"].draw(rng)
    assert (mixtures.shape, latents.shape, truth.shape) == ((4, 16000), (4, 250, 8), (4, 2, 250))
    assert by_name["network"].training == toy.likelihood.network.training  # type: ignore[union-attr]
    mixture, addends = by_name["conv_tasnet"].draw(rng)
    torch.testing.assert_close(mixture, addends[:, 0] + addends[:, 1])


def test_steps_are_those_of_the_training_loop(toy: AudioDataset) -> None:
    case = next(iter(cases(toy, torch.device("cpu"))))
    drawn = list[torch.Tensor]()

    def draw(rng: np.random.Generator) -> torch.Tensor:
        drawn.append(case.draw(rng))
        return drawn[-1]

    before = {name: tensor.clone() for name, tensor in case.network.named_parameters()}
    assert seconds_per_step(Case("codec", case.network, draw, case.training), steps=3) > 0
    assert len(drawn) == WARM + 3
    assert not torch.equal(drawn[0], drawn[1])
    assert any(not torch.equal(before[name], tensor) for name, tensor in case.network.named_parameters())


def test_a_row_for_every_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--config", str(ROOT / "config" / "test.yaml"), "--steps", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["training", *line, "--out", str(tmp_path)])
    main()
    table = pd.read_csv(tmp_path / "training.csv")
    assert list(table["network"]) == NETWORKS
    assert list(table["steps"]) == [80, 80, 80, 80, 10, 10]
    assert (table["precision"] == "float32").all()
    assert table["instructions"].notna().all()
    assert table["device"].str.contains("threads").all()
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(NETWORKS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--steps", "0"], "at least one step"),
        (["--dataset", "mnist"], "name a data set of audio"),
        (["--dataset", "gone"], "name a data set of audio"),
    ],
)
def test_what_cannot_be_timed_is_refused(
    line: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *line])
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err
