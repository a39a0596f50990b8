"""metadata.yaml as other tools and systems write it: read as it is meant, or refused by file and key."""

from pathlib import Path

import pytest

from lass.data.audio.metadata import Stem, read_stems

DRUMS, BASS = Stem(is_drum=True, program=128), Stem(is_drum=False, program=33)


def read(folder: Path, text: str | bytes) -> dict[str, Stem]:
    path = folder / "metadata.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_stems(path)


@pytest.mark.parametrize(
    "bass",
    [
        "is_drum: false, program_num: 33",
        "is_drum: 'false', program_num: '33'",
        "is_drum: n, program_num: 33.0",
        "is_drum: No, program_num: 33",
        "is_drum: 0, program_num: 33",
        "is_drum: null, program_num: 33",
        "program_num: 33",
    ],
)
def test_a_stem_that_is_no_drum(tmp_path: Path, bass: str) -> None:
    assert read(tmp_path, f"stems: {{S01: {{{bass}}}}}") == {"S01": BASS}


@pytest.mark.parametrize(
    ("drums", "program"),
    [
        ("is_drum: true, program_num: 128", 128),
        ("is_drum: 'True', program_num: null", None),
        ("is_drum: yes, program_num: ~", None),
        ("is_drum: false, program_num: 128.0", 128),
        ("is_drum: true", None),
    ],
)
def test_drums(tmp_path: Path, drums: str, program: int | None) -> None:
    assert read(tmp_path, f"stems: {{S00: {{{drums}}}}}") == {"S00": Stem(is_drum=True, program=program)}


def test_names_that_are_numbers(tmp_path: Path) -> None:
    drums = "{is_drum: true, program_num: 128}"
    assert read(tmp_path, f"stems: {{0: {drums}, 01: {drums}, on: {drums}, null: {drums}}}") == dict.fromkeys(
        ["0", "01", "on", "null"], DRUMS
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{is_drum: maybe, program_num: 1}", r"stems\.S02\.is_drum is 'maybe', but must be true or false"),
        ("{is_drum: [true], program_num: 1}", r"stems\.S02\.is_drum is \['true'\], but must be"),
        ("{program_num: [33, 34]}", r"stems\.S02\.program_num is \['33', '34'\], but .* from 0 to 128"),
        ("{program_num: bass}", r"stems\.S02\.program_num is 'bass', but"),
        ("{program_num: 129}", r"stems\.S02\.program_num is '129', but"),
        ("{program_num: -1}", r"stems\.S02\.program_num is '-1', but"),
        ("{program_num: 3.5}", r"stems\.S02\.program_num is '3\.5', but"),
        ("{program_num: .nan}", r"stems\.S02\.program_num is '\.nan', but"),
        ("{is_drum: false, program_num: null}", r"stems\.S02\.program_num is null or missing: give"),
        ("{}", r"stems\.S02\.program_num is null or missing: give"),
        ("null", r"stems\.S02 is null, but must be a mapping"),
        ("1", r"stems\.S02 is '1', but must be a mapping"),
        ("[{is_drum: true}]", r"stems\.S02 is \[.*\], but must be a mapping"),
    ],
)
def test_values_that_say_nothing(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"metadata\.yaml: " + message):
        read(tmp_path, f"stems: {{S01: {{program_num: 33}}, S02: {entry}}}")


@pytest.mark.parametrize("name", ["../../outside", "/etc/x", "a/b", "..", "'a\\b'", "''"])
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"metadata\.yaml: stems\..* is no name of a file in `stems`"):
        read(tmp_path, f"stems: {{{name}: {{program_num: 33}}}}")


@pytest.mark.parametrize(
    "text", ["stems: [1, 2", "just text", "stems: 3", "stems: [a]", "stems: null", "UUID: 1", "", "\0", "[x"]
)
def test_what_is_no_metadata(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"metadata\.yaml (is no readable YAML|has no mapping `stems`)"):
        read(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "# m\u00e9tadonn\u00e9es\r\nstems:\r\n  S01: {is_drum: false, program_num: 33}\r\n"
    assert read(tmp_path, text.encode(encoding)) == {"S01": BASS}


def test_encodings_that_cannot_be_told(tmp_path: Path) -> None:
    text = "# m\u00e9tadonn\u00e9es\nstems: {S01: {program_num: 33}}"
    with pytest.raises(
        ValueError, match=r"metadata\.yaml is no text in UTF-8 \(.*byte 3\); .*Latin-1.*: save"
    ):
        read(tmp_path, text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"metadata\.yaml is no text in UTF-16"):
        read(tmp_path, text.encode("utf-16") + b"\0")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"metadata\.yaml is not there: complete"):
        read_stems(tmp_path / "metadata.yaml")
    (tmp_path / "metadata.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(FileNotFoundError, match=r"metadata\.yaml is a link to .*gone\.yaml, which is"):
        read_stems(tmp_path / "metadata.yaml")
