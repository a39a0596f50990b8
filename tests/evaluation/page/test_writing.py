"""Pages as files: everything is inside, nothing of the data is taken for HTML, and equal pages are equal."""

import base64
import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from lass.evaluation.figures.pictures import Pictures
from lass.evaluation.figures.spectrograms import Sounds
from lass.evaluation.page import writing
from lass.evaluation.page.description import Page
from lass.evaluation.page.writing import write_page
from lass.evaluation.separations import Separations
from lass.evaluation.tables.psnr import Psnr
from lass.evaluation.tables.sdr import Sdr
from tests.evaluation.page.pages import PITCHES, RATE, TABLE, pictured, separations, sounding, tones

Attributes = dict[str, str | None]


class Reader(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, Attributes]] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def all(self, tag: str, name: str = "") -> list[Attributes]:
        """The attributes of all elements of a tag, of those of a class."""
        return [own for found, own in self.found if found == tag and name in (own.get("class") or "")]


def written(page: Page, folder: Path, **media: Any) -> Path:
    path = folder / "page.html"
    given: dict[str, Any] = {"metric": Sdr(rate=RATE), "medium": Sounds(RATE), "path": path}
    write_page(page, **given | media)
    return path


def content(address: str | None) -> io.BytesIO:
    """What an address holds."""
    assert address
    return io.BytesIO(base64.b64decode(address.split(",", 1)[1]))


def test_sounds_and_spectrograms_are_inside(tmp_path: Path) -> None:
    page = Reader(written(sounding(), tmp_path))
    saved, figures = page.all("a", "save"), page.all("figure")
    assert [figure["data-label"] for figure in figures] == [*PITCHES] * 2
    assert [link["download"] for link in saved[:4]] == [
        *("00004_mixture.flac", "00004_drums_true.flac", "00004_bass_true.flac", "00004_drums_lass.flac")
    ]
    for link, label in zip(saved[:7], PITCHES, strict=True):
        sound, rate = soundfile.read(content(link["href"]))
        assert rate == RATE
        np.testing.assert_allclose(sound, tones(label)[0], atol=2**-15)
    for figure in page.all("img"):
        with Image.open(content(figure["src"])) as picture:
            assert picture.format == "PNG"
            assert picture.size[0] <= 400


def test_numbers_scores_and_meanings(tmp_path: Path) -> None:
    path = written(sounding(), tmp_path)
    page = Reader(path)
    keys = [cell["data-key"] for cell in page.all("td")]
    assert keys == [
        *("0.0", "100.0", "2", ""),
        *("9.5", "", "2", "0.125"),
        *("10.25", "9.0", "2", ""),
        *("Infinity", "20.0", "2", ""),
    ]
    assert {"12.50%", "10.25", "inf", "-"} <= set(page.texts)
    assert page.texts.count("3.25 dB") == page.texts.count("-1.50 dB") == 1, "of mixture 4 by lass"
    labels = [button["aria-label"] for button in page.all("button", "choose")]
    assert "Listen to drums by lass, 3.25 dB" in labels
    assert any("signal-to-distortion ratio" in text for text in page.texts)
    assert any("what doing nothing scores" in text for text in page.texts)
    assert not any("psnr" in text for text in page.texts)


def test_pictures_make_a_grid(tmp_path: Path) -> None:
    page = Reader(written(pictured(), tmp_path, metric=Psnr(), medium=Pictures((3, 4, 4))))
    assert not page.all("button", "play")
    assert not page.all("a")
    images = page.all("img")
    assert [image["alt"] for image in images[:5]] == [
        *("the mixture", "cats_1, true source", "cats_2, true source", "cats_1 by nmf", "cats_2 by nmf")
    ]
    with Image.open(content(images[0]["src"])) as picture:
        assert picture.size == (4, 4)
    assert page.texts.count("21.50 dB") == 3, "one score for both images of a mixture"


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    path = written(sounding(), tmp_path)
    for _, attributes in Reader(path).found:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    text = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text


def test_texts_of_the_data_stay_texts(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 1 }}"
    tone = separations(seconds=0.1, mixtures=1)
    shown = Separations(
        [0], [[evil, "bass"]], tone.mixtures, tone.sources, estimates={evil: tone.estimates["lass"]}
    )
    table = pd.DataFrame({"method": [evil], f"sdr_{evil}": [1.0]})
    own = sounding(
        title=evil, table=table, separations=shown, scores=None, made={evil: evil}, settings=f"<pre>{evil}"
    )
    page = Reader(written(own, tmp_path))
    assert len(page.all("script")) == 1
    assert len(page.all("pre")) == 1
    assert not any("onerror" in attributes for _, attributes in page.found)
    assert not any(image.get("src") == "x" for image in page.all("img"))
    assert page.texts.count(evil) >= 4
    assert page.all("figure")[3]["data-label"] == f"{evil} by {evil}"


def test_equal_pages_are_equal_bytes(tmp_path: Path) -> None:
    first = written(sounding(), tmp_path).read_bytes()
    assert written(sounding(), tmp_path).read_bytes() == first
    assert written(sounding(made={"seed": "1"}), tmp_path).read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_page_stays_small_enough_to_pass_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Mixtures beyond the limit are left out, but not the first, and it is said."""
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 2, 2 * RATE)).astype(np.float32)
    shown = Separations([4, 9, 11], [["drums", "bass"]] * 3, noise[:, 0], noise, {"lass": noise})
    page = sounding(separations=shown)
    whole = written(page, tmp_path).stat().st_size
    monkeypatch.setattr(writing, "LIMIT", round(0.8 * whole))
    fewer = Reader(written(page, tmp_path))
    assert len(fewer.all("section", "mixture")) == 2
    assert (tmp_path / "page.html").stat().st_size < 0.8 * whole
    assert any("2 of 3 mixtures are here" in text for text in fewer.texts)
    assert "2 of 3 mixtures" in caplog.text
    monkeypatch.setattr(writing, "LIMIT", 1)
    assert len(Reader(written(page, tmp_path)).all("section", "mixture")) == 1


def test_no_methods_to_hear_leaves_the_true_sources(tmp_path: Path) -> None:
    tone = separations(seconds=0.1, mixtures=1)
    shown = Separations(tone.items, tone.classes, tone.mixtures, tone.sources)
    page = Reader(written(sounding(separations=shown, scores=None), tmp_path))
    assert len(page.all("figure")) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": TABLE.head(1)}, "estimates of 'lass', which is no method of the table"),
        ({"table": TABLE.head(0)}, "has the columns method, sdr_avg.* and 0 rows"),
        ({"table": TABLE.drop(columns="method")}, "has the columns sdr_avg"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sounding(**changes)


def test_no_mixtures_and_unequal_lengths_are_refused() -> None:
    tone = separations(seconds=0.1)
    with pytest.raises(ValueError, match="sizes differ"):
        Separations([], [], tone.mixtures[:0], tone.sources[:0])
    with pytest.raises(ValueError, match=r"estimates of 'short' are .* as the sources"):
        Separations(
            tone.items, tone.classes, tone.mixtures, tone.sources, {"short": tone.estimates["lass"][..., :9]}
        )


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"page\.htm: a page is a file of HTML"):
        written(sounding(), tmp_path, path=tmp_path / "page.htm")
