"""The examples in Python of the documents run."""

import re
from pathlib import Path

import pytest
import soundfile

from tests.bundle.toy import sound, write_audio_model, write_image_model

ROOT = Path(__file__).parents[1]


def test_the_examples_of_models_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as a reader does, with the smallest models under the names of those that ship."""
    write_audio_model(tmp_path / "models" / "slakh-mini")
    write_image_model(tmp_path / "models" / "mnist")
    monkeypatch.setattr("lass.bundle.finding.SHIPPED", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    soundfile.write("song.wav", sound(1.0).T, 8000)
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert Path("drums.wav").is_file()
