"""A cluster that answers on a real port, for commands that are run whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.unit.cluster import Cluster, cluster


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


@pytest.fixture(name="server")
def _server(web: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """What ELASTICSEARCH_URL names; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    with cluster(web) as server:
        monkeypatch.setenv("ELASTICSEARCH_URL", server.url)
        yield server
