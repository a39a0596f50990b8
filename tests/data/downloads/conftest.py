"""A server for the tests of downloads."""

from collections.abc import Iterator

import pytest

from tests.data.downloads.server import Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with serving(Server()) as server:
        yield server
