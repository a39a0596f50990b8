"""Batches of mixtures: each as it would be alone."""

import pytest
import torch

from lass.methods.supervised import separate
from lass.models.separator_settings import ConvTasnet, HybridDemucs
from lass.models.separators import new_separator
from lass.models.settings import Training

TRAINING = Training(steps=1, batch=1, learning_rate=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        ConvTasnet(filters=32, kernel=16, bottleneck=16, hidden=32, layers=3, stacks=1, training=TRAINING),
        HybridDemucs(channels=4, depth=3, window=256, training=TRAINING),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_a_mixture_is_separated_alike_alone_and_among_others(settings: ConvTasnet | HybridDemucs) -> None:
    network, weights = new_separator(settings, sources=2, seed=0).eval(), torch.tensor([[0.3, 0.7]])
    mixtures = torch.randn(3, 3000, generator=torch.Generator().manual_seed(0))
    together = separate(network, mixtures, weights=weights.expand(len(mixtures), -1))
    assert together.shape == (3, 2, 3000)
    for mixture, estimates in zip(mixtures, together, strict=True):
        assert torch.equal(separate(network, mixture[None], weights=weights)[0], estimates)
        torch.testing.assert_close(weights[0, :, None] * estimates, network(mixture[None])[0])
    assert separate(network, mixtures[:0], weights=weights[:0]).shape == (0, 2, 3000)
