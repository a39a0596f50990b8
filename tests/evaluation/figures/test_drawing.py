"""Figures are written whole, as PNG, and the same each time."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

from lass.evaluation.figures.drawing import new_figure, write_figure


def test_figure_has_its_size_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figure.png"
    written = []
    for _ in range(2):
        figure = new_figure(2.0, 1.0)
        figure.add_subplot().plot([0, 1], [1, 0])
        write_figure(figure, path=path)
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert matplotlib.image.imread(path).shape == (150, 300, 4)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.png"):
        write_figure(new_figure(1.0, 1.0), path=tmp_path / "figure.svg")
    assert not list(tmp_path.iterdir())


def test_drawing_leaves_the_backend_alone() -> None:
    code = "import sys, lass.evaluation.figures.drawing; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
