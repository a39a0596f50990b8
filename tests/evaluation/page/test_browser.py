"""Pages in a browser: they play, switch at the same moment, sort, and fit the screen."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lass.evaluation.figures.pictures import Pictures
from lass.evaluation.figures.spectrograms import Sounds
from lass.evaluation.page.writing import write_page
from lass.evaluation.tables.psnr import Psnr
from lass.evaluation.tables.sdr import Sdr
from tests.evaluation.page.chromium import CHROMIUM, Browser, browsing
from tests.evaluation.page.pages import PITCHES, RATE, SECONDS, pictured, sounding

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]

LISTENING = """
// What reaches the loudspeaker, and how many sounds were started.
window.starts = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    window.analyser ??= new AnalyserNode(target.context, { fftSize: 4096, smoothingTimeConstant: 0 });
    connect.call(this, window.analyser);
  }
  return connect.call(this, target, ...rest);
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...given) {
  window.starts += 1;
  return start.apply(this, given);
};
window.levels = (pitches) => {
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  return pitches.map((pitch) => bins[Math.round((pitch * analyser.fftSize) / analyser.context.sampleRate)]);
};
window.part = (name, player = 0) => document.querySelectorAll(".mixture")[player].querySelector(name);
window.figure = (label, player = 0) => part(`figure[data-label="${label}"]`, player);
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        browser.order("Page.addScriptToEvaluateOnNewDocument", source=LISTENING)
        yield browser


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "sounds # 1.html"  # an address has other letters
    write_page(sounding(), metric=Sdr(rate=RATE), medium=Sounds(RATE), path=path)
    return path


@pytest.fixture
def browser(started: Browser, sounds: Path) -> Iterator[Browser]:
    """The page, freshly opened; at the end nothing was complained of."""
    started.look(width=1280, scheme="light")
    started.open(sounds)
    yield started
    assert started.complaints == []


def heard(browser: Browser) -> set[str]:
    """The labels of the tones that reach the loudspeaker."""
    levels = browser.run(f"levels({list(PITCHES.values())})")
    return {label for label, level in zip(PITCHES, levels, strict=True) if (level or -200) > -50}


def wait_for(browser: Browser, *labels: str, seconds: float = 10.0) -> None:
    """Wait until exactly these are heard."""
    end = time.monotonic() + seconds
    while (found := heard(browser)) != set(labels):
        assert time.monotonic() < end, f"heard are {found}, not {labels}"
        time.sleep(0.02)


def position(browser: Browser, player: int = 0) -> float:
    return float(browser.run(f"Number(part('.position', {player}).value)"))


def play(browser: Browser, player: int = 0) -> None:
    browser.run(f"part('.play', {player}).click()")
    browser.wait(f"Number(part('.position', {player}).value) > 0.2")


def test_a_mixture_plays_and_stops_at_its_end(browser: Browser) -> None:
    play(browser)
    wait_for(browser, "the mixture")
    assert browser.run("part('.play').textContent") == "Pause"
    first, begun = position(browser), time.monotonic()
    time.sleep(0.5)
    gone, passed = position(browser) - first, time.monotonic() - begun
    assert gone == pytest.approx(passed, abs=0.25), "a second lasts a second"
    browser.run("part('.play').click()")
    paused = position(browser)
    time.sleep(0.2)
    assert position(browser) == paused
    browser.run("part('.play').click()")
    browser.wait(f"Number(part('.position').value) > {paused + 0.1}")
    browser.wait("part('.play').textContent === 'Play'", seconds=SECONDS + 10)
    assert position(browser) == 0


def test_another_sound_goes_on_at_the_same_moment(browser: Browser) -> None:
    play(browser)
    starts = browser.run("starts")
    assert starts == len(PITCHES)
    before, after = browser.run(
        "(() => { const value = () => Number(part('.position').value), before = value();"
        "figure('bass by nmf').querySelector('.choose').click(); return [before, value()]; })()"
    )
    assert after == before
    wait_for(browser, "bass by nmf")
    assert before < position(browser) < SECONDS
    assert browser.run("starts") == starts, "nothing was started anew"
    assert browser.run("part('.heard').textContent") == "bass by nmf"
    assert browser.run("figure('bass by nmf').querySelector('.choose').ariaPressed") == "true"
    assert browser.run("part('[aria-pressed=true].choose').closest('figure').dataset.label") == "bass by nmf"


def test_several_are_heard_together(browser: Browser) -> None:
    browser.run("figure('drums by lass').querySelector('.choose').click()")
    browser.run("figure('bass by lass').querySelector('.add').click()")
    play(browser)
    wait_for(browser, "drums by lass", "bass by lass")
    assert browser.run("part('.heard').textContent") == "drums by lass + bass by lass"
    browser.run("figure('drums by lass').querySelector('.add').click()")
    wait_for(browser, "bass by lass")
    browser.run("figure('bass by lass').querySelector('.add').click()")
    wait_for(browser, "bass by lass")  # something is always heard


def test_it_goes_round_in_a_loop(browser: Browser) -> None:
    browser.run("part('.loop').click()")
    browser.run("part('.position').value = 3.7; part('.position').dispatchEvent(new Event('input'))")
    assert browser.run("part('.time').textContent") == "3.7 of 4.0 s"
    browser.run("part('.play').click()")
    browser.wait("Number(part('.position').value) < 1 && part('.play').textContent === 'Pause'")
    wait_for(browser, "the mixture")
    browser.run("part('.loop').click()")
    assert position(browser) < 3
    browser.run("part('.position').value = 3.7; part('.position').dispatchEvent(new Event('input'))")
    browser.wait("part('.play').textContent === 'Play'")


def test_one_mixture_plays_at_a_time(browser: Browser) -> None:
    play(browser, 0)
    play(browser, 1)
    assert browser.run("part('.play', 0).textContent") == "Play"
    assert browser.run("part('.play', 1).textContent") == "Pause"
    wait_for(browser, "the mixture")


def test_the_keyboard_does_it_all(browser: Browser) -> None:
    browser.run("part('.play').focus()")
    browser.press("p")
    browser.wait("Number(part('.position').value) > 0.1")
    for key, code, label in (
        ("ArrowDown", "", "drums, true source"),
        ("2", "Digit2", "bass, true source"),
        ("ArrowDown", "", "bass by lass"),
        ("ArrowDown", "", "bass by nmf"),
        ("ArrowDown", "", "bass by nmf"),
        ("ArrowUp", "", "bass by lass"),
        ("0", "Digit0", "the mixture"),
        ("ArrowDown", "", "bass, true source"),
    ):
        browser.press(key, code=code)
        assert browser.run("part('.heard').textContent") == label
        assert browser.run("document.activeElement.closest('figure').dataset.label") == label
    outline = browser.run("getComputedStyle(document.activeElement).outline")
    assert "solid 3px" in outline, "the focus is seen"
    browser.press("!", code="Digit1", shift=True)
    assert browser.run("part('.heard').textContent") == "bass, true source + drums, true source"
    wait_for(browser, "bass, true source", "drums, true source")
    browser.press("p")
    assert browser.run("part('.play').textContent") == "Play"
    browser.run("part('.position').value = 2; part('.position').dispatchEvent(new Event('input'))")
    for key, shift, moment in (
        *(("ArrowRight", False, 3.0), ("ArrowRight", False, 4.0), ("ArrowRight", False, 4.0)),
        *(("ArrowLeft", False, 3.0), ("ArrowLeft", True, 2.9)),
    ):
        browser.press(key, shift=shift)
        assert position(browser) == pytest.approx(moment)
    browser.press("l")
    assert browser.run("part('.loop').ariaPressed") == "true"


def test_columns_sort(browser: Browser) -> None:
    """Numbers from the best, names from the first; what is missing comes last in both orders."""

    def rows() -> list[str]:
        return list(browser.run("[...document.querySelectorAll('tbody th')].map((cell) => cell.textContent)"))

    def sort(column: int) -> str:
        head = f"document.querySelectorAll('thead th')[{column}]"
        browser.run(f"{head}.querySelector('button').click()")
        assert browser.run("document.querySelectorAll('thead th:not([aria-sort=none])').length") == 1
        return str(browser.run(f"{head}.ariaSort"))

    assert rows() == ["mixture", "lass", "nmf", "oracle"]
    assert (sort(1), rows()) == ("descending", ["oracle", "nmf", "lass", "mixture"])
    assert (sort(1), rows()) == ("ascending", ["mixture", "lass", "nmf", "oracle"])
    assert (sort(2), rows()) == ("descending", ["mixture", "oracle", "nmf", "lass"])
    assert (sort(2), rows()) == ("ascending", ["nmf", "oracle", "mixture", "lass"])
    assert (sort(0), rows()) == ("ascending", ["lass", "mixture", "nmf", "oracle"])
    assert (sort(4), rows()[0]) == ("descending", "lass")
    browser.run("document.querySelectorAll('thead button')[1].focus()")
    browser.press("Enter")
    assert rows() == ["oracle", "nmf", "lass", "mixture"]


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_screen_in_light_and_in_dark(browser: Browser, width: int) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        browser.look(width=width, scheme=scheme)
        assert browser.run("document.documentElement.scrollWidth") <= width
        grounds[scheme] = browser.run("getComputedStyle(document.body).backgroundColor")
    brightness = {name: sum(map(int, text[4:-1].split(","))) for name, text in grounds.items()}
    assert brightness["dark"] < 150 < 600 < brightness["light"]
    sizes = browser.run(
        "[...document.querySelectorAll('.transport button, .add, .save')].map((part) => "
        "Math.min(part.getBoundingClientRect().width, part.getBoundingClientRect().height))"
    )
    assert min(sizes) >= 24, "fingers hit it"


def test_pictures_are_shown(started: Browser, tmp_path: Path) -> None:
    path = tmp_path / "pictures.html"
    write_page(pictured(), metric=Psnr(), medium=Pictures((3, 4, 4)), path=path)
    started.look(width=390, scheme="dark")
    started.open(path)
    widths = started.run("[...document.images].map((image) => image.naturalWidth)")
    assert widths == [4] * 15
    assert started.run("document.documentElement.scrollWidth") <= 390
    assert started.complaints == []


def test_what_a_browser_complains_of_is_seen(tmp_path: Path) -> None:
    """Or the tests above would pass whatever happens."""
    path = tmp_path / "wrong.html"
    path.write_text(
        "<!doctype html><script>console.error('no'); setTimeout(() => { throw 'thrown'; })</script>"
        "<img src='http://127.0.0.1:9/x.png'>"
    )
    with browsing(tmp_path / "profile") as browser:
        browser.open(path)
        browser.wait("document.images[0].complete")
        found = "\n".join(browser.complaints)
    assert "no" in found
    assert "thrown" in found
    assert "http://127.0.0.1:9/x.png" in found
