"""How loud the mixtures are that a model knows."""

import numpy as np

from lass.bundle.settings import Level
from lass.data.mixtures import Mixtures

TAIL = 5  # per cent of the mixtures that are quieter, and that are louder
FAINT = 1e-12  # mean square, -120 dB: of silence
AT_ONCE = 64


def level_of(mixtures: Mixtures) -> Level:
    """The level of audio mixtures."""
    energies: list[float] = []
    for begin in range(0, len(mixtures), AT_ONCE):
        rows = range(begin, min(begin + AT_ONCE, len(mixtures)))
        energies += list(np.square(mixtures.load(rows).mixtures, dtype=np.float64).mean(axis=1))
    levels = 10 * np.log10(np.maximum(energies, FAINT))
    quietest, loudest = np.percentile(levels, [TAIL, 100 - TAIL])
    return Level(quietest=round(float(quietest), 2), loudest=round(float(loudest), 2))
