"""The page of candidates: every mixture, its sources and each candidate, with scores by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lass.evaluation.figures.pictures import Pictures
from lass.evaluation.figures.spectrograms import Sounds
from lass.evaluation.separations import Separations
from lass.evaluation.tables.psnr import Psnr
from lass.evaluation.tables.sdr import Sdr
from lass.pages.candidates import draw_candidates

LABELS = {"one": "digits", "two": "digits"}


def test_pictures(tmp_path: Path) -> None:
    sources = np.stack([np.zeros((2, 16)), np.ones((2, 16))]).astype(np.float32)
    shown = Separations([3, 7], [["one", "two"]] * 2, sources.mean(axis=1), sources)
    off = {3: sources[0] + np.float32(0.1), 7: sources[1] - np.float32(0.1)}
    for number in (1, 2):
        shown = shown.with_estimates(f"candidate {number}", off, metric=Psnr(), labels=LABELS)
    path = tmp_path / "page.html"
    told: dict[str, Any] = {"metric": Psnr(), "classes": list(LABELS), "labels": LABELS}
    draw_candidates(shown, title="Candidates", medium=Pictures((1, 4, 4)), path=path, **told)
    text = path.read_text(encoding="utf-8")
    assert text.count("<h3>candidate 1</h3>") == text.count("<h3>candidate 2</h3>") == 2
    assert text.count("<h3>true</h3>") == 2
    assert text.count('<span class="note">20.00 dB</span>') == 4, "an error of 0.1 everywhere is 20 dB"
    assert "Mixture 7: one, two" in text
    assert text.count("<img ") == 2 * (1 + 2 + 2 * 2)


@pytest.mark.parametrize("classes", [["drums", "bass"], ["speech", "speech"]])
def test_sounds_can_be_played(classes: list[str], tmp_path: Path) -> None:
    sources = np.random.default_rng(0).normal(0, 0.1, (1, 2, 2000)).astype(np.float32)
    metric, labels = Sdr(rate=1000, window=1.0), {name: name for name in classes}
    shown = Separations([0], [classes], sources.sum(axis=1), sources)
    noisy = {0: sources[0] + np.random.default_rng(1).normal(0, 0.01, (2, 2000)).astype(np.float32)}
    shown = shown.with_estimates("candidate 1", noisy, metric=metric, labels=labels)
    path = tmp_path / "page.html"
    told: dict[str, Any] = {"metric": metric, "classes": classes, "labels": labels}
    draw_candidates(shown, title="Candidates", medium=Sounds(1000), path=path, **told)
    text = path.read_text(encoding="utf-8")
    assert text.count('class="choose"') == 1 + 2 + 2
    notes = [float(part.split(" dB")[0]) for part in text.split('<span class="note">')[1:]]
    assert notes == pytest.approx([20, 20], abs=1.0)
