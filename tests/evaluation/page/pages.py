"""Made-up pages: tones whose pitch says what is heard, and small pictures."""

from typing import Any

import numpy as np
import pandas as pd

from lass.evaluation.page.description import Page
from lass.evaluation.separations import Separations
from lass.evaluation.tables.psnr import SCORES as PSNR_SCORES
from lass.evaluation.tables.sdr import SCORES

RATE = 8000
SECONDS = 4.0
METHODS = ("lass", "nmf")
PITCHES = {
    "the mixture": 300,
    "drums, true source": 500,
    "bass, true source": 800,
    "drums by lass": 1100,
    "bass by lass": 1400,
    "drums by nmf": 1700,
    "bass by nmf": 2000,
}
"""What is heard, by its label -> Hz."""
TABLE = pd.DataFrame(
    {
        "method": ["mixture", "lass", "nmf", "oracle"],
        "sdr_avg": [0.0, 9.5, 10.25, float("inf")],
        "sar_avg": [100.0, None, 9.0, 20.0],
        "n": [2, 2, 2, 2],
        "uncounted": [None, 0.125, None, None],
    }
)


def tones(*labels: str, seconds: float = SECONDS) -> np.ndarray:
    """Tones [labels, T]."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitches = np.array([PITCHES[label] for label in labels])
    return (0.5 * np.sin(2 * np.pi * pitches[:, None] * times)).astype(np.float32)


def separations(*, seconds: float = SECONDS, mixtures: int = 2) -> Separations:
    """The same tones in every mixture."""

    def stacked(sounds: np.ndarray) -> np.ndarray:
        return np.stack([sounds] * mixtures)

    return Separations(
        items=[4, 9, 11][:mixtures],
        classes=[["drums", "bass"]] * mixtures,
        mixtures=stacked(tones("the mixture", seconds=seconds)[0]),
        sources=stacked(tones("drums, true source", "bass, true source", seconds=seconds)),
        estimates={
            name: stacked(tones(f"drums by {name}", f"bass by {name}", seconds=seconds)) for name in METHODS
        },
    )


def sounding(**changes: Any) -> Page:
    """A page to listen to."""
    rows = [
        dict.fromkeys(SCORES, 0.0)
        | {"method": "lass", "mixture": mixture, "source": source, "sdr": sdr}
        | {"nan_frames": 0, "uncounted": 0, "positions": 0}
        for mixture, source, sdr in ((4, "drums", 3.25), (4, "bass", -1.5), (9, "drums", None))
    ]
    given = {"title": "Separations of toys: table sdr", "table": TABLE, "separations": separations()}
    given |= {"scores": pd.DataFrame(rows, columns=list(SCORES)), "made": {"seed": "0"}, "settings": "{}"}
    given |= {"meanings": {"mixture": "what doing nothing scores"}}
    return Page(**given | changes)


def pictured() -> Page:
    """A page to look at."""
    images = np.random.default_rng(0).random((3, 2, 48)).astype(np.float32)
    shown = Separations([0, 1, 2], [["cats", "cats"]] * 3, images.mean(axis=1), images, {"nmf": images})
    rows = [{"method": "nmf", "mixture": mixture, "psnr": 21.5} for mixture in range(3)]
    scores = pd.DataFrame(rows, columns=list(PSNR_SCORES))
    table = pd.DataFrame({"method": ["average", "nmf"], "psnr_mean": [9.0, 21.5], "share_solved": [0.0, 1.0]})
    return Page("Separations of cats: table psnr", table, shown, scores)
