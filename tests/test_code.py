"""What a fingerprint of code is made of: imports, and the code without its words."""

from lass.config import read_code

TEXT = '''"""What it is."""

from lass.data import table
import lass.tokens


class Settings(Section):
    """A section."""

    width: int = key("how wide", "pixels", default=3)
    """Of a picture."""
'''


def test_words_do_not_count() -> None:
    other = TEXT.replace("What it is", "Other words").replace("how wide", "W").replace("Of a", "Of some")
    assert read_code(other).digest == read_code(TEXT).digest
    assert read_code(TEXT.replace("default=3", "default=4")).digest != read_code(TEXT).digest
    assert read_code(TEXT.replace("width", "height")).digest != read_code(TEXT).digest


def test_imports_are_named_in_full() -> None:
    assert read_code(TEXT).imports == {"lass.data", "lass.data.table", "lass.tokens"}
