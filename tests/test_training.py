"""The training loop: it learns, keeps the best weights, and an interruption leaves no trace in them."""

import itertools
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lass.models.checkpoint import new_network
from lass.models.settings import Training
from lass.models.transformer import Transformer, TransformerShape
from lass.models.vqvae import Vqvae, VqvaeShape
from lass.settings import Chosen
from lass.storage import read_tensors
from lass.training import (
    UNSEEN,
    Progress,
    Run,
    check_gradients,
    new_optimizer,
    train,
    train_to_file,
    training_step,
    unseen,
)

SETTINGS = Training(
    steps=11,
    batch=1,
    learning_rate=0.02,
    warmup=2,
    weight_decay=0.1,
    clip=1.0,
    validate_every=4,
    save_every=3,
    precision="float32",
)


def replace(settings: Training, **changes: Any) -> Training:
    """The same with changes, also to what the configuration refuses."""
    return settings.model_copy(update=changes)


class Interrupted(Exception):
    """Stands for a signal that ends the process in the middle of a step."""


# --- two tiny problems ---


def draw_codes(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Sequences that count upwards from a random start, modulo 5."""
    start = rng.integers(5, size=(8, 1))
    return torch.from_numpy((start + np.arange(7)) % 5), torch.zeros(8, dtype=torch.int64)


def new_transformer() -> nn.Module:
    """A prior with dropout, which draws from torch's own generator."""
    shape = TransformerShape(codes=5, classes=1, context=7, layers=1, width=16, heads=2, kv_heads=1)
    network: nn.Module = new_network(Transformer, shape, seed=0, dropout=0.2)
    return network


def draw_audio(rng: np.random.Generator) -> Tensor:
    """Sines of random pitch."""
    pitch = rng.uniform(0.05, 0.3, size=(2, 1))
    return torch.from_numpy(np.sin(pitch * np.arange(2048))).float()


def new_vqvae() -> nn.Module:
    """A codec whose codebook follows by moving averages and restarts of dead codes."""
    shape = VqvaeShape(
        codes=16,
        code_channels=4,
        strides=(8,),
        channels=(8,),
        encoder_blocks=1,
        decoder_blocks=1,
        encoder_dilation=1,
        decoder_dilation=1,
    )
    network: nn.Module = new_network(Vqvae, shape, seed=0, spectral=0.1, commitment=0.1)
    return network


PROBLEMS: dict[str, tuple[Callable[[], nn.Module], Callable[[np.random.Generator], Any]]] = {
    "transformer": (new_transformer, draw_codes),
    "vqvae": (new_vqvae, draw_audio),
}


def new_run(draw_batch: Callable[[np.random.Generator], Any], folder: Path, **changes: Any) -> Run:
    """A training from these batches, which validates on one of them."""
    values: dict[str, Any] = {
        "validation": [],
        "settings": SETTINGS,
        "seed": 5,
        "made": {"run": 1},
        "code": "abc",
    }
    return Run(draw_batch, state_path=folder / "state.safetensors", **values | changes)


def run(
    problem: str,
    folder: Path,
    *,
    precision: Chosen = "float32",
    stop_at: int | None = None,
    **changes: Any,
) -> tuple[dict[str, Tensor], Progress]:
    """Train from the beginning or from the state in `folder`; weights and progress at the end."""
    build, draw = PROBLEMS[problem]
    network = build()
    calls = 0

    def draw_batch(rng: np.random.Generator) -> Any:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Interrupted
        return draw(rng)

    described = new_run(draw_batch, folder, validation=[draw(np.random.default_rng(99))], **changes)
    return network.state_dict(), train(network, described, precision=precision)


def assert_same(
    found: tuple[dict[str, Tensor], Progress], expected: tuple[dict[str, Tensor], Progress]
) -> None:
    """To the last bit."""
    assert found[0].keys() == expected[0].keys()
    for name, tensor in expected[0].items():
        assert torch.equal(found[0][name], tensor), name
    assert found[1] == expected[1]


def interrupt(problem: str, folder: Path, *, at: int, **changes: Any) -> None:
    """A run that ends in the middle of its `at`-th step."""
    with pytest.raises(Interrupted):
        run(problem, folder, stop_at=at, **changes)


# --- learning ---


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_prior_learns_to_count(tmp_path: Path, precision: Chosen) -> None:
    settings = replace(SETTINGS, steps=60, validate_every=20, save_every=1000)
    _, progress = run("transformer", tmp_path, settings=settings, precision=precision)
    losses = [row["validation_loss"] for row in progress.history]
    # The first of seven codes is a guess among five, the others follow from it.
    assert losses[-1] == pytest.approx(math.log(5) / 7, abs=0.1)
    assert losses[0] > losses[-1]
    assert [row["step"] for row in progress.history] == [20, 40, 60]


def test_a_codec_learns_to_reconstruct(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=40, validate_every=10, save_every=1000, learning_rate=0.005)
    _, progress = run("vqvae", tmp_path, settings=settings)
    assert progress.history[-1]["validation_waveform"] < 0.5 * progress.history[0]["validation_waveform"]
    assert {"loss", "waveform", "spectral", "commitment"} < progress.history[0].keys()


# --- interruption ---


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("at", [[2], [4], [9], [5, 2, 4]])
def test_an_interrupted_run_ends_with_the_same_bytes(tmp_path: Path, problem: str, at: list[int]) -> None:
    """Before the first state, right after one, between two, and several times over."""
    expected = run(problem, tmp_path / "whole")
    for step in at:
        interrupt(problem, tmp_path / "cut", at=step)
    assert (tmp_path / "cut" / "state.safetensors").exists() == (at != [2])
    assert_same(run(problem, tmp_path / "cut"), expected)
    assert_same(
        run(problem, tmp_path / "cut"), expected
    )  # killed at the very end, before the state was removed


def test_a_resumed_run_does_not_start_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    interrupt("transformer", tmp_path, at=9)
    caplog.set_level(logging.INFO, logger="lass")
    with pytest.raises(Interrupted):  # six of eleven steps were saved: five are left
        run("transformer", tmp_path, stop_at=5)
    assert "resuming" in caplog.text
    assert "at step 6" in caplog.text
    _, progress = run("transformer", tmp_path, stop_at=6)
    assert progress.step == 11


@pytest.mark.parametrize(
    "other", [{"made": {"run": 2}}, {"seed": 6}, {"code": "def"}, {"precision": "bfloat16"}]
)
def test_a_state_of_another_run_is_ignored(tmp_path: Path, other: dict[str, Any]) -> None:
    """Another configuration, seed or code, or a machine that chooses another precision."""
    expected = run("transformer", tmp_path / "whole")
    interrupt("transformer", tmp_path / "cut", at=9, **other)
    assert_same(run("transformer", tmp_path / "cut"), expected)


@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_a_damaged_state_is_ignored_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    expected = run("transformer", tmp_path / "whole")
    interrupt("transformer", tmp_path / "cut", at=9)
    state = tmp_path / "cut" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100] if damage == "truncated" else b"not a state at all")
    caplog.clear()
    assert_same(run("transformer", tmp_path / "cut"), expected)
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "state.safetensors" in warning.getMessage()
    assert "training begins anew" in warning.getMessage()


# --- what a step depends on ---


def test_batches_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    def record(seed: int, folder: str) -> list[float]:
        drawn = []

        def draw_batch(rng: np.random.Generator) -> Any:
            drawn.append(float(rng.random()))
            return draw_codes(rng)

        validation = [draw_codes(np.random.default_rng(0))]
        described = new_run(draw_batch, tmp_path / folder, validation=validation, seed=seed)
        train(new_transformer(), described, precision="float32")
        return drawn

    first = record(1, "first")
    assert first == record(1, "again")
    assert len({*first, *record(2, "other")}) == 2 * SETTINGS.steps


def test_torch_keeps_its_generator(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = run("transformer", tmp_path / "first")
    assert torch.equal(torch.rand(1), expected)
    torch.manual_seed(4)  # dropout follows the run's seed, whatever was drawn before
    assert_same(run("transformer", tmp_path / "second"), first)


# --- best weights, divergence ---


class Slope(nn.Module):
    """Training pushes `height` up by about the learning rate at every step; validation likes it at 3."""

    def __init__(self, *, breaks_at: float = math.inf) -> None:
        super().__init__()
        self.height = nn.Parameter(torch.zeros(1))
        self.breaks_at = breaks_at

    def training_loss(self, batch: Any, rng: np.random.Generator) -> dict[str, Tensor]:
        del batch, rng
        if not self.training:
            return {"loss": (self.height - 3.0).square().sum()}
        factor = math.nan if self.height.item() > self.breaks_at else -1.0
        return {"loss": (factor * self.height).sum()}


def climb(network: Slope, folder: Path, *, stop_at: int | None = None, **changes: Any) -> Progress:
    calls = itertools.count(1)

    def draw_batch(_: np.random.Generator) -> None:
        if next(calls) == stop_at:
            raise Interrupted

    settings = replace(
        SETTINGS, steps=8, learning_rate=1.0, warmup=1, weight_decay=0.0, validate_every=1, save_every=2
    )
    settings = replace(settings, **changes)
    described = new_run(draw_batch, folder, validation=[None], settings=settings, seed=0)
    return train(network, described, precision="float32")


def test_the_weights_of_the_lowest_validation_loss_are_kept(tmp_path: Path) -> None:
    network = Slope()
    progress = climb(network, tmp_path)
    losses = [row["validation_loss"] for row in progress.history]
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1
    assert progress.best_step == best + 1
    assert progress.best_loss == losses[best]
    assert (network.height.item() - 3.0) ** 2 == pytest.approx(losses[best])
    assert abs(network.height.item() - 3.0) < 0.6


def test_the_best_weights_outlive_an_interruption(tmp_path: Path) -> None:
    """They were reached before it, and nothing after it is as good."""
    whole, cut = Slope(), Slope()
    expected = climb(whole, tmp_path / "whole")
    with pytest.raises(Interrupted):
        climb(cut, tmp_path / "cut", stop_at=8)
    assert expected.best_step < 6  # the step of the last state
    resumed = Slope()
    assert climb(resumed, tmp_path / "cut") == expected
    assert torch.equal(resumed.height, whole.height)


def test_divergence_is_an_error_that_leaves_the_last_state(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"diverged at step 4 \(gradient norm nan\): lower learning_rate"):
        climb(Slope(breaks_at=3.5), tmp_path)
    assert (tmp_path / "state.safetensors").is_file()


@pytest.mark.parametrize(("breaks_at", "step"), [(1.5, 2), (2.5, 3)])
@pytest.mark.parametrize(("saves", "validates"), [(2, 8), (8, 2)], ids=["save", "validation"])
def test_gradients_that_wait_are_looked_at_before_weights_are_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    breaks_at: float,
    step: int,
    saves: int,
    validates: int,
) -> None:
    """As on a GPU: of steps 2 and 3 one breaks the weights, and after step 3 they are saved or validated."""
    monkeypatch.setattr("lass.training.unseen", lambda _: UNSEEN)
    caplog.set_level(logging.INFO, logger="lass")
    with pytest.raises(ValueError, match=rf"diverged at step {step} \(gradient norm nan\)"):
        climb(Slope(breaks_at=breaks_at), tmp_path, save_every=saves, validate_every=validates)
    assert "nan" not in caplog.text
    assert caplog.text.count("validation_loss") == (1 if validates == 2 else 0)
    state = tmp_path / "state.safetensors"
    assert state.exists() == (saves == 2), "that of two steps"
    if saves == 2:
        assert all(tensor.isfinite().all() for tensor in read_tensors(state).values())


def test_gradients_wait_on_a_gpu_alone() -> None:
    assert (unseen(torch.device("cpu")), unseen(torch.device("cuda"))) == (1, UNSEEN)


def test_the_first_gradient_of_several_that_is_not_finite_is_named() -> None:
    norms = [torch.tensor(norm) for norm in (1.0, 2.0, math.inf, math.nan)]
    check_gradients(norms[:2], end=7)
    with pytest.raises(ValueError, match=r"diverged at step 12 \(gradient norm inf\)"):
        check_gradients(norms, end=14)


def test_no_weights_come_out_of_a_validation_that_is_never_finite(tmp_path: Path) -> None:
    class Blind(Slope):
        def training_loss(self, batch: Any, rng: np.random.Generator) -> dict[str, Tensor]:
            losses = super().training_loss(batch, rng)
            return losses if self.training else {"loss": losses["loss"] * math.nan}

    with pytest.raises(ValueError, match="validation loss was NaN or infinite at all of 8 steps"):
        climb(Blind(), tmp_path)


# --- to a file ---


@pytest.mark.parametrize(
    ("wanted", "native", "chosen"),
    [("auto", True, "bfloat16"), ("auto", False, "float32"), ("bfloat16", False, "bfloat16")],
)
def test_a_checkpoint_says_in_which_precision_it_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, native: bool, chosen: Chosen
) -> None:
    monkeypatch.setattr("lass.compute.devices.multiplies_bfloat16", lambda *_: native)
    expected = run("transformer", tmp_path / "train", precision=chosen)
    network, states, written = new_transformer(), list[bool](), dict[str, Any]()
    described = new_run(
        draw_codes,
        tmp_path,
        settings=replace(SETTINGS, precision=wanted),
        validation=[draw_codes(np.random.default_rng(99))],
    )

    def write(origin: dict[str, Any]) -> None:
        states.append(described.state_path.is_file())
        written.update(origin)

    train_to_file(network, described, write=write)
    assert_same((network.state_dict(), Progress(**written["training"])), expected)
    assert (written["precision"], written["run"], written["seed"]) == (chosen, 1, 5)
    assert {"lass", "torch"} < written.keys()
    assert states == [True], "the state goes once the weights are written"
    assert not described.state_path.exists()


# --- rates and weight decay ---


def test_rates_by_hand() -> None:
    settings = replace(SETTINGS, steps=104, learning_rate=2.0, warmup=4)
    assert [settings.rate(step) for step in range(5)] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert settings.rate(54) == pytest.approx(2.0 * (0.01 + 0.99 * 0.5))  # half of the cosine
    assert settings.rate(29) == pytest.approx(2.0 * (0.01 + 0.99 * (2 + math.sqrt(2)) / 4))  # a quarter
    assert settings.rate(104) == pytest.approx(0.02)
    assert replace(settings, warmup=0).rate(0) == 2.0
    assert replace(settings, steps=4).rate(3) == 2.0  # nothing but warm-up


def test_a_step_uses_its_rate() -> None:
    network = new_transformer()
    optimizer = new_optimizer(network, SETTINGS)
    for step in (0, 1, 5):
        training_step(network, optimizer, new_run(draw_codes, Path()), step=step, precision="float32")
        assert {group["lr"] for group in optimizer.param_groups} == {SETTINGS.rate(step)}


def test_biases_and_gains_do_not_decay() -> None:
    network = new_transformer()
    decaying, free = new_optimizer(network, SETTINGS).param_groups
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert {parameter.dim() for parameter in decaying["params"]} == {2}
    assert {parameter.dim() for parameter in free["params"]} == {1}
    assert len(decaying["params"]) + len(free["params"]) == len(list(network.parameters()))


def test_gradients_are_clipped() -> None:
    """With a gradient of norm one at most, a clip of zero leaves nothing to move."""
    network = new_transformer()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    still = replace(SETTINGS, clip=0.0, weight_decay=0.0)
    described = new_run(draw_codes, Path(), settings=still)
    training_step(network, new_optimizer(network, still), described, step=5, precision="float32")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
