"""One training loop for every network: AdamW, warm-up and cosine decay, best weights by validation.

The batch of a step depends on (seed, step) alone and the whole state is saved now and then, so a run that was
killed and started again ends with the same bytes as one that was not.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lass import __version__
from lass.compute.devices import choose_precision
from lass.compute.seeds import generator
from lass.models.settings import Training
from lass.settings import Chosen
from lass.storage import read_header, read_tensors, write_tensors

logger = logging.getLogger(__name__)

FORM = "lass.training"
VERSION = 1
UNSEEN = 16  # steps on a GPU whose gradients are looked at together: each look waits for it


@dataclass(frozen=True)
class Run:
    """One training: what is learnt from, how, and what tells it from others."""

    draw_batch: Callable[[np.random.Generator], Any]  # the batch of a step from that step's generator
    validation: list[Any]  # batches
    settings: Training
    seed: int
    made: Mapping[str, Any]  # configuration and data, which JSON can hold
    code: str  # fingerprint of the code that trains
    state_path: Path  # of the state of an unfinished training

    @property
    def origin(self) -> dict[str, Any]:
        """Where a network comes from, as its checkpoint says it."""
        return {**self.made, "seed": self.seed, "lass": __version__, "torch": torch.__version__}


@dataclass
class Progress:
    """State of a run beside weights and optimizer: what was done and the best validation loss so far."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


def train_to_file(network: nn.Module, run: Run, *, write: Callable[[dict[str, Any]], None]) -> None:
    """Train `network` in the precision that its device is given, have it written, and remove the run's state.

    `write` is handed the provenance: the run's origin, the precision, and how training went. Errors as of
    `train`.
    """
    precision = choose_precision(run.settings.precision, next(network.parameters()).device)
    progress = train(network, run, precision=precision)
    write(run.origin | {"precision": precision, "training": vars(progress)})
    run.state_path.unlink(missing_ok=True)


def train(network: nn.Module, run: Run, *, precision: Chosen) -> Progress:
    """Train `network` in place and leave in it the weights of the lowest validation loss.

    The network has `training_loss(batch, rng)`: losses by name, of which `loss` is minimised and all are
    logged. A state of an unfinished run of another origin (configuration, data, seed), code or precision
    is ignored. Raises ValueError when the gradient is no longer finite, or the validation loss never is.
    """
    settings, state_path = run.settings, run.state_path
    fingerprint = run.origin | {"code": run.code, "precision": precision}
    optimizer = new_optimizer(network, settings)
    best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    progress = resume(network, optimizer, best, state_path, fingerprint)
    began, norms = time.monotonic(), list[Tensor]()
    while progress.step < settings.steps:
        losses, norm = training_step(network, optimizer, run, step=progress.step, precision=precision)
        progress.step += 1
        norms.append(norm)
        validates = progress.step % settings.validate_every == 0 or progress.step == settings.steps
        saves = progress.step % settings.save_every == 0 and progress.step < settings.steps
        if validates or saves or len(norms) >= unseen(norm.device):
            check_gradients(norms, end=progress.step)
            norms.clear()
        if validates:
            validated = validation_losses(network, run.validation, precision=precision)
            learnt = {name: value.item() for name, value in losses.items()}
            row = {"step": float(progress.step), **learnt, **validated}
            logger.info("%s seconds=%.0f", format_losses(row), time.monotonic() - began)
            keep_best(network, best, progress, row)
        if saves:
            save_state(network, optimizer, best, progress, state_path, fingerprint)
    if progress.best_step < 0:
        raise ValueError(
            f"the validation loss was NaN or infinite at all of {progress.step} steps: lower learning_rate"
        )
    network.load_state_dict(best)
    return progress


def new_optimizer(network: nn.Module, settings: Training) -> torch.optim.AdamW:
    """AdamW that decays matrices but neither biases nor gains."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.95))


def training_step(
    network: nn.Module, optimizer: torch.optim.Optimizer, run: Run, *, step: int, precision: Chosen
) -> tuple[dict[str, Tensor], Tensor]:
    """One update of the weights; batch and codebook restarts depend on (seed, step) alone.

    Losses and the norm of the gradient are those before it. A GPU is not waited for here.
    """
    rng = generator(run.seed, "training", step)
    network.train()
    for group in optimizer.param_groups:
        group["lr"] = run.settings.rate(step)
    batch = run.draw_batch(rng)
    # Dropout and the noise of latents draw from torch's global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(1 << 62)))
        losses = evaluate_loss(network, batch, rng, precision=precision)
    optimizer.zero_grad(set_to_none=True)
    losses["loss"].backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), run.settings.clip)
    optimizer.step()
    return {name: value.detach() for name, value in losses.items()}, norm


def unseen(device: torch.device) -> int:
    """Number of steps on this device whose gradients are looked at together."""
    return 1 if device.type == "cpu" else UNSEEN


def check_gradients(norms: list[Tensor], *, end: int) -> None:
    """Raise ValueError for the first norm that is not finite, of the steps before step `end`."""
    for step, norm in enumerate(torch.stack(norms).tolist(), start=end - len(norms)):
        if not math.isfinite(norm):
            raise ValueError(f"training diverged at step {step} (gradient norm {norm}): lower learning_rate")


def evaluate_loss(
    network: nn.Module, batch: Any, rng: np.random.Generator, *, precision: Chosen
) -> dict[str, Tensor]:
    """The network's losses, its matrix products in `precision`."""
    device = next(network.parameters()).device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        losses: dict[str, Tensor] = network.training_loss(batch, rng)  # type: ignore[operator]
    return losses


@torch.no_grad()
def validation_losses(network: nn.Module, batches: list[Any], *, precision: Chosen) -> dict[str, float]:
    """Mean of every loss over `batches`, its names prefixed with `validation_`."""
    network.eval()
    rows = [evaluate_loss(network, batch, np.random.default_rng(0), precision=precision) for batch in batches]
    return {f"validation_{name}": float(np.mean([row[name].item() for row in rows])) for name in rows[0]}


def keep_best(network: nn.Module, best: dict[str, Tensor], progress: Progress, row: dict[str, float]) -> None:
    """Remember `row`, and the weights where its validation loss is the lowest yet."""
    progress.history.append(row)
    if row["validation_loss"] < progress.best_loss:
        progress.best_loss, progress.best_step = row["validation_loss"], progress.step
        for name, tensor in network.state_dict().items():
            best[name].copy_(tensor)


def format_losses(row: Mapping[str, float]) -> str:
    """`step=100 loss=1.2345 ...` for the log."""
    return " ".join(
        f"{name}={value:.0f}" if name == "step" else f"{name}={value:.4f}" for name, value in row.items()
    )


def digest(fingerprint: Mapping[str, Any]) -> str:
    """Hash of a JSON-able description of a run."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()


def save_state(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor],
    progress: Progress,
    path: Path,
    fingerprint: Mapping[str, Any],
) -> None:
    """Write everything that a continuation needs; the file is complete or absent."""
    moments = optimizer.state_dict()["state"]
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    tensors |= {
        f"moment/{i}/{name}": tensor for i, entry in moments.items() for name, tensor in entry.items()
    }
    fields = {"fingerprint": digest(fingerprint), "progress": vars(progress)}
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def resume(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor],
    path: Path,
    fingerprint: Mapping[str, Any],
) -> Progress:
    """Load the state at `path` where it belongs to this run; otherwise begin anew."""
    if not path.is_file():
        return Progress()
    try:
        header = read_header(path, form=FORM, version=VERSION)
        tensors = read_tensors(path)
    except ValueError as error:
        logger.warning("%s; training begins anew", error)
        return Progress()
    if header.get("fingerprint") != digest(fingerprint):
        logger.info("%s belongs to another configuration, code or precision: training begins anew", path)
        return Progress()
    network.load_state_dict({name: tensors[f"network/{name}"] for name in best})
    for name, tensor in best.items():
        tensor.copy_(tensors[f"best/{name}"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key in (key for key in tensors if key.startswith("moment/")):
        _, index, name = key.split("/")
        moments.setdefault(int(index), {})[name] = tensors[key]
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    progress = Progress(**header["progress"])
    logger.info("resuming %s at step %d", path, progress.step)
    return progress
