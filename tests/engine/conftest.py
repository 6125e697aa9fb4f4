"""An engine for the tests that need one, and the toolkit's resources on it; see `tests.running`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.evidence import SERVER, Server
from tests.running import Engine, Stream, engines, installed
from toolkit.config import Settings


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    for found in engines():
        version = ".".join(map(str, found.server.version))
        pytestconfig.stash[SERVER] = Server(found.server.distribution, version, bool(found.connection.username))
        yield found


@pytest.fixture(scope="session")
def stream(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"test_{secrets.token_hex(4)}", refresh_interval_s=1))
