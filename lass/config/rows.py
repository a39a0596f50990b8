"""What rows of tables of audio ask of the mixtures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from lass.config.registry import AUDIO_METHODS, ONE_CLASS_READERS
from lass.config.separation import OTHER_FOLDERS, Separation
from lass.methods.settings import LOWEST_BLIND, SHORTEST_BLIND
from lass.separation.settings import Mask

if TYPE_CHECKING:
    from lass.config.audio import AudioDataset


class Audio(Protocol):
    """What is asked of a data set of audio."""

    sample_rate: int
    separation: Separation

    @property
    def sources(self) -> int:
        """N: sources of a mixture."""

    @property
    def weights(self) -> list[float]:
        """Alpha."""

    @property
    def length(self) -> int:
        """T: samples of a mixture."""

    @property
    def seconds(self) -> float:
        """Length of a mixture."""


def check_blind(dataset: Audio, where: str, rows: Sequence[str]) -> None:
    """Two sources of equal weight, and mixtures that are long and wide enough."""
    remedy = f"leave out {', '.join(rows)}"
    if dataset.sources != 2:
        raise ValueError(
            f"{where}, which splits a mixture in two, but there are {dataset.sources} sources: {remedy}"
        )
    if len(set(dataset.weights)) > 1:
        raise ValueError(
            f"{where}, which does not know which of mixtures.weights {dataset.weights} is whose: make them "
            f"equal or {remedy}"
        )
    if dataset.seconds < SHORTEST_BLIND or dataset.sample_rate < LOWEST_BLIND:
        raise ValueError(
            f"{where}, which needs mixtures of {SHORTEST_BLIND} s at {LOWEST_BLIND} Hz at least, not "
            f"{dataset.seconds:g} s at {dataset.sample_rate} Hz: {remedy}"
        )


def check_masks(dataset: Audio, rows: Sequence[str]) -> None:
    """Masks that fit into a mixture, in the methods that a table names."""
    for name in rows:
        method = dataset.separation.methods.get(name)
        mask: Mask | None = None if method is None else method.mask
        if mask is None:
            continue
        where = f"separation.methods.{name}.mask"
        if mask.window >= 2 * dataset.length:
            raise ValueError(
                f"{where}.window {mask.window} must be less than twice the {dataset.length} samples of a "
                "mixture: shorten it or lengthen mixtures.seconds"
            )
        frames, frequencies = dataset.length // (mask.window // 4) + 1, mask.window // 2 + 1
        if mask.templates >= min(frames, frequencies):
            raise ValueError(
                f"{where}.templates {mask.templates} must be less than the {frames} frames and "
                f"{frequencies} frequencies of a mixture: take fewer or change the window"
            )


def check_networks(dataset: "AudioDataset", where: str, rows: Sequence[str]) -> None:
    """Of rows by networks trained on mixtures: networks that are configured, under names that are free.

    A network needs to know which source is which; only where all are of one class it may be trained without
    an order. ValueError, which begins with `where`, for another.
    """
    networks = [row for row in rows if dataset.family[row] == "supervised"]
    if networks and dataset.supervised is None:
        raise ValueError(f"{where} {networks[0]}, so the section supervised is needed")
    for name, network in (dataset.supervised.disentangled if dataset.supervised else {}).items():
        if name in {*AUDIO_METHODS, *OTHER_FOLDERS}:
            raise ValueError(f"supervised.disentangled.{name}: the name is taken, choose another")
        length = dataset.supervised_length or 0
        if name in networks and network.dependence and length < network.segment:
            raise ValueError(
                f"{where} {name}, but supervised.disentangled.{name}.segment {network.segment} is longer "
                f"than the {length} samples of supervised.seconds: shorten it or lengthen supervised.seconds"
            )
        if name in networks and network.order != "given":
            if len(set(dataset.source_classes)) > 1:
                raise ValueError(
                    f"{where} {name}, but supervised.disentangled.{name}.order is {network.order!r}, and the "
                    f"sources are of {dataset.source_classes}, which are told apart when scored: set it to "
                    "given"
                )
            networks.remove(name)
    if networks and dataset.source_classes != dataset.classes:
        raise ValueError(
            f"{where} {networks[0]}, which gives one source of every class of {dataset.classes}, but a "
            f"mixture has {dataset.source_classes}: leave out {', '.join(networks)}"
        )


def check_learned(dataset: "AudioDataset", where: str, rows: Sequence[str]) -> None:
    """Of rows by the learned likelihood: a network that is configured, and sources that it can tell apart.

    ValueError, which begins with `where`, for another.
    """
    methods, network = dataset.separation.methods, dataset.likelihood.network
    asking = [row for row in rows if row in methods and "network" in dataset.separation.measured_for([row])]
    if not asking:
        return
    asks = f"{where} {asking[0]}, which asks for the learned likelihood"
    if network is None:
        raise ValueError(f"{asks}, so the section likelihood.network is needed")
    if len(set(dataset.source_classes)) < dataset.sources:
        raise ValueError(
            f"{asks}, but nothing tells two sources of one class apart in {dataset.source_classes}: leave it "
            "out"
        )
    longest = None if dataset.composed is None else dataset.composed.seconds
    if not dataset.network_length or (longest is not None and network.seconds > longest):
        raise ValueError(
            f"likelihood.network.seconds {network.seconds:g} must be a token of the codec at least"
            + ("" if longest is None else f", and at most the {longest:g} s of a song")
        )
    if dataset.source in ONE_CLASS_READERS and network.related:
        raise ValueError(
            f"likelihood.network.related is {network.related:g}, but no recording has two sources: make it 0"
        )
