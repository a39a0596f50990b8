"""Denoisers: preconditioning, learning, the mean of the weights, files."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from lass.models.diffusion import (
    DenoiserNetwork,
    by_class,
    mean_powers,
    new_denoiser,
    read_denoiser,
    write_denoiser,
)
from lass.models.diffusion_settings import DenoiserCheck, DenoiserSettings
from lass.models.settings import Training
from lass.storage import read_tensors
from lass.training import Run, train

STEPS = 60
TRAINING = Training(
    steps=STEPS,
    batch=16,
    learning_rate=5e-3,
    warmup=5,
    weight_decay=0.0,
    validate_every=20,
    save_every=30,
    precision="float32",
)
SMALL: dict[str, Any] = {
    "classes": ["tones"],
    "channels": [16, 24],
    "blocks": 1,
    "attention": 1,
    "heads": 2,
    "embedding": 16,
    "training": TRAINING,
}
SOUNDS = DenoiserSettings(**SMALL, patch=4, strides=[2])
IMAGES = DenoiserSettings(**SMALL, patch=1, strides=[2])
IMAGE = (1, 7, 6)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def tones(rng: np.random.Generator, *, size: int = 64) -> Tensor:
    """Tones of one frequency and random phase [16, T]: given any place, all others are known."""
    phase = torch.from_numpy(rng.random((16, 1))).float()
    return 0.1 * math.sqrt(2) * torch.sin(2 * torch.pi * (0.05 * torch.arange(size) + phase))


def unlabelled(sources: Tensor) -> tuple[Tensor, Tensor]:
    """Sources as a batch whose classes are all the first."""
    return sources, torch.zeros(len(sources), dtype=torch.int64)


def small(settings: DenoiserSettings = SOUNDS, image: tuple[int, int, int] | None = None) -> DenoiserNetwork:
    size = 64 if image is None else math.prod(image)
    examples = unlabelled(tones(np.random.default_rng(0), size=size))
    return new_denoiser(settings, examples, image=image, seed=0)


def shaken(network: DenoiserNetwork) -> DenoiserNetwork:
    """The same with weights that are not zero where they begin so."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.learnt.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.averaged.load_state_dict(network.learnt.state_dict())
    return network


def run_of(path: Path, *, steps: int = STEPS) -> Run:
    return Run(
        draw_batch=lambda rng: unlabelled(tones(rng)),
        validation=[unlabelled(tones(np.random.default_rng(99)))],
        settings=TRAINING.model_copy(update={"steps": steps}),
        seed=0,
        made={},
        code="",
        state_path=path,
    )


@pytest.mark.parametrize(("settings", "image"), [(SOUNDS, None), (IMAGES, IMAGE)], ids=["sounds", "images"])
def test_shapes_and_the_two_ends_of_noise(settings: DenoiserSettings, image: Any) -> None:
    network = shaken(small(settings, image)).eval()
    size = 61 if image is None else math.prod(image)  # no multiple of the hop
    noisy = torch.randn(3, size, generator=torch.Generator().manual_seed(0))
    assert network(noisy, torch.tensor([0.1, 1.0, 3.0])).shape == (3, size)
    faint, loud = torch.full((3,), 1e-6), torch.full((3,), 1e6)
    torch.testing.assert_close(network(noisy, faint), noisy, atol=1e-4, rtol=0)
    assert float(network(1e6 * noisy, loud).abs().max()) < 10 * float(network.deviations)


def test_a_network_that_says_nothing_is_the_filter_of_white_data() -> None:
    network = small().eval()
    noisy, power = torch.ones(1, 64), 0.01
    found = network(noisy, torch.tensor([0.2]))
    torch.testing.assert_close(found, noisy * power / (power + 0.04), rtol=1e-3, atol=0)


def test_the_loss_is_one_for_a_network_that_says_nothing() -> None:
    """At every level, if its data are white; here for many draws."""
    network = small()
    white = 0.1 * torch.randn(512, 64, generator=torch.Generator().manual_seed(0))
    for training in (True, False):
        network.train(training)
        loss = network.training_loss(unlabelled(white), np.random.default_rng(0))["loss"]
        assert float(loss.detach()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("size", [1, 4, 12])
def test_validation_levels_are_even(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantiles, as many as sources: their logarithms have the mean of the levels in training."""
    network, seen = small().eval(), []

    def silent(noisy: Tensor, sigma: Tensor, classes: Tensor | None) -> Tensor:  # noqa: ARG001
        seen.append((sigma / network.deviations).log())
        return noisy

    monkeypatch.setattr(network, "forward", silent)
    network.training_loss(unlabelled(torch.zeros(size, 64)), np.random.default_rng(0))
    assert float(seen[0].mean()) == pytest.approx(-1.2, abs=1e-5)
    assert len(seen[0].unique()) == size


def test_sources_of_a_batch_do_not_see_each_other() -> None:
    network = shaken(small()).eval()
    noisy, sigma = (
        torch.randn(3, 64, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0.1, 0.2, 0.3]),
    )
    torch.testing.assert_close(network(noisy, sigma)[1:2], network(noisy[1:2], sigma[1:2]))


def test_a_killed_training_goes_on_with_the_mean(tmp_path: Path) -> None:
    whole, parts = small(), small()
    train(whole, run_of(tmp_path / "a"), precision="float32")
    killed = run_of(tmp_path / "b")
    draws = iter(range(45))

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        next(draws)
        return unlabelled(tones(rng))

    with pytest.raises(StopIteration):
        train(parts, Run(**{**vars(killed), "draw_batch": draw}), precision="float32")
    again = small()
    train(again, killed, precision="float32")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_the_mean_of_the_weights_by_hand() -> None:
    network = small()
    network.decay = 0.4
    weight, mean = network.learnt.entry.weight, network.averaged.entry.weight
    with torch.no_grad():
        weight.fill_(1.0)
        mean.fill_(0.0)
        network.follow()  # decay (1 + 0) / (10 + 0)
        assert float(mean.flatten()[0]) == pytest.approx(0.9)
        weight.fill_(2.0)
        network.follow()  # decay 2 / 11
        assert float(mean.flatten()[0]) == pytest.approx(0.9 * 2 / 11 + 2 * 9 / 11)
        network.seen.fill_(1000)
        weight.fill_(0.0)
        before = float(mean.flatten()[0])
        network.follow()
        assert float(mean.flatten()[0]) == pytest.approx(0.4 * before)
    assert not any(parameter.requires_grad for parameter in network.averaged.parameters())
    assert DenoiserSettings(**SMALL, patch=4, strides=[2]).decay == pytest.approx(1 - 10 / STEPS)


def test_powers_of_white_noise_and_of_a_tone() -> None:
    white = 0.5 * torch.randn(64, 4096, generator=torch.Generator().manual_seed(0))
    powers = mean_powers(white, points=False)
    assert powers.shape == (257,)
    torch.testing.assert_close(powers, torch.full((257,), 0.25), atol=0.04, rtol=0)
    assert float(powers.mean()) == pytest.approx(0.25, rel=0.01)
    tone = torch.sin(2 * torch.pi * 64 / 512 * torch.arange(4096.0))[None]
    assert int(mean_powers(tone, points=False).argmax()) == 64
    torch.testing.assert_close(
        mean_powers(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), points=True), torch.tensor([5.0, 2.0])
    )


def told(levels: tuple[float, float] = (0.1, 0.4)) -> DenoiserNetwork:
    """A network that is told which of two classes of different levels it sees."""
    settings = DenoiserSettings(
        **{**SMALL, "classes": ["quiet", "loud"], "conditional": True}, patch=4, strides=[2]
    )
    white = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(64) % 2
    return new_denoiser(settings, (white * torch.tensor(levels)[classes, None], classes), image=None, seed=0)


def test_each_class_that_is_told_has_its_own_measure() -> None:
    network = told().eval()
    torch.testing.assert_close(network.deviations, torch.tensor([0.1, 0.4]), rtol=0.05, atol=0)
    torch.testing.assert_close(network.powers.mean(dim=1), torch.tensor([0.01, 0.16]), rtol=0.1, atol=0)
    noisy, sigma = torch.ones(2, 64), torch.tensor([0.2, 0.2])
    found = network(noisy, sigma, torch.tensor([0, 1]))
    expected = torch.tensor([0.01 / 0.05, 0.16 / 0.2])[:, None].expand(2, 64)
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0)


def test_what_a_network_is_told_changes_what_it_says() -> None:
    network = told((0.1, 0.1))
    with torch.no_grad():  # equal data, so that only the embedding tells the classes apart
        network.deviations.fill_(0.1)
    network = shaken(network).eval()
    noisy, sigma = torch.ones(2, 64), torch.tensor([0.2, 0.2])
    found = network(noisy, sigma, torch.tensor([0, 1]))
    assert float((found[0] - found[1]).abs().max()) > 1e-4
    with pytest.raises(ValueError, match="is told the class of what it denoises: give it"):
        network(noisy, sigma)


def test_examples_by_class() -> None:
    sources, classes = torch.arange(4.0)[:, None], torch.tensor([1, 0, 1, 1])
    whole = by_class((sources, classes), told=0)
    assert len(whole) == 1
    assert torch.equal(whole[0], sources)
    parts = by_class((sources, classes), told=2)
    assert [part[:, 0].tolist() for part in parts] == [[1.0], [0.0, 2.0, 3.0]]
    with pytest.raises(
        ValueError, match="none of 4 examples is of class number 2: raise examples and unseen"
    ):
        by_class((sources, classes), told=3)


@pytest.mark.parametrize(("settings", "image"), [(SOUNDS, None), (IMAGES, IMAGE)], ids=["sounds", "images"])
def test_a_stored_denoiser_denoises_alike(settings: DenoiserSettings, image: Any, tmp_path: Path) -> None:
    network, path = shaken(small(settings, image)).eval(), tmp_path / "denoiser.safetensors"
    write_denoiser(path, network, classes=["tones"], provenance={"seed": 0})
    found = read_denoiser(path, classes=["tones"], conditional=False)
    noisy = torch.randn(
        2, 64 if image is None else math.prod(image), generator=torch.Generator().manual_seed(0)
    )
    sigma = torch.tensor([0.1, 0.3])
    torch.testing.assert_close(found(noisy, sigma), network(noisy, sigma), atol=2e-3, rtol=0)
    assert torch.equal(found.powers, network.powers)
    assert torch.equal(found.deviations, network.deviations)
    assert not found.training
    assert {name.split("/")[0] for name in read_tensors(path)} == {"network", "deviations", "powers"}


def test_a_denoiser_for_something_else(tmp_path: Path) -> None:
    network, path = small(), tmp_path / "denoiser.safetensors"
    write_denoiser(path, network, classes=["tones"], provenance={})
    with pytest.raises(
        ValueError, match=r"denoiser\.safetensors: a denoiser of \['tones'\], not of \['bass'\]"
    ):
        read_denoiser(path, classes=["bass"], conditional=False)
    with pytest.raises(ValueError, match="is not told the classes, but conditional is True; train it"):
        read_denoiser(path, classes=["tones"], conditional=True)
    with torch.no_grad():
        network.averaged.entry.weight[0] = torch.nan
    write_denoiser(path, network, classes=["tones"], provenance={})
    with pytest.raises(ValueError, match="NaN"):
        read_denoiser(path, classes=["tones"], conditional=False)


def test_settings_and_data_that_make_no_network() -> None:
    for change, message in (
        ({"classes": ["drums", "bass", "drums"]}, "name one more than once: name each once"),
        ({"strides": [2, 2]}, "needs 1 strides, not 2"),
        ({"attention": 3}, "attention in 3 of 2 stages"),
        ({"heads": 5}, "cannot be shared by 5 heads"),
        ({"channels": [16, 20]}, "multiple of 8"),
    ):
        with pytest.raises(ValidationError, match=message):
            DenoiserSettings(**{**SMALL, "strides": [2], **change})
    with pytest.raises(ValueError, match="not silent"):
        new_denoiser(SOUNDS, unlabelled(torch.zeros(2, 64)), image=None, seed=0)


@pytest.mark.parametrize(
    ("name", "classes", "size"),
    [("songs", ["drums", "bass"], 1024), ("guitar", ["guitar"], 1024), ("digits", list(DIGITS), 784)],
)
def test_the_shipped_denoisers_open(name: str, classes: list[str], size: int) -> None:
    path = Path(__file__).parents[2] / "lass" / "shipped" / "diffusion" / f"{name}.safetensors"
    network = read_denoiser(path, classes=classes, conditional=name == "songs")
    silence, sigma = torch.zeros(1, size), network.deviations[:1]
    found = network(silence, sigma, torch.zeros(1, dtype=torch.int64))
    assert found.shape == (1, size)
    assert float(found.abs().max()) < 5 * float(sigma)


def test_every_weight_follows_by_the_same_share() -> None:
    """As a loop over parameters has it, matrices and biases alike."""
    network = shaken(small())
    network.decay = 0.9995
    network.seen.fill_(50_000)
    before = [parameter.clone() for parameter in network.averaged.parameters()]
    with torch.no_grad():
        for parameter in network.learnt.parameters():
            parameter.add_(torch.randn_like(parameter))
    network.follow()
    assert int(network.seen) == 50_001
    triples = zip(before, network.averaged.parameters(), network.learnt.parameters(), strict=True)
    for old, mean, learnt in triples:
        torch.testing.assert_close(mean, 0.9995 * old + 0.0005 * learnt, rtol=1e-5, atol=1e-7)


def test_a_denoiser_of_other_data(tmp_path: Path) -> None:
    """Of another rate or picture; a file that does not tell its rate serves sounds of any."""
    sounds, images, silent = (tmp_path / f"{name}.safetensors" for name in ("sounds", "images", "silent"))
    told: dict[str, Any] = {"classes": ["tones"], "provenance": {}}
    write_denoiser(sounds, small(), rate=8000, **told)
    write_denoiser(images, small(IMAGES, IMAGE), **told)
    write_denoiser(silent, small(), **told)

    def read(path: Path, **data: Any) -> None:
        read_denoiser(path, classes=["tones"], conditional=False, data=DenoiserCheck(**data))

    read(sounds, rate=8000)
    read(silent, rate=44100)
    read(images, image=IMAGE)
    for path, data, message in (
        (sounds, {"rate": 16000}, r"sounds\.safetensors: a denoiser of sounds at 8000 Hz, not at 16000 Hz"),
        (sounds, {"image": (1, 8, 8)}, r"of sounds, not of images of \[1, 8, 8\]; train it"),
        (images, {"image": (1, 8, 8)}, r"of images of \[1, 7, 6\], not of images of \[1, 8, 8\]"),
        (images, {"rate": 8000}, r"of images of \[1, 7, 6\], not of sounds"),
    ):
        with pytest.raises(ValueError, match=message):
            read(path, **data)
