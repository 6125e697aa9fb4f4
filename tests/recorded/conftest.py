"""A cluster that answers as a real Elasticsearch did, or, with --record or --evidence, a real one.

To record: `make record ELASTICSEARCH=…`, with an Elasticsearch that holds nothing of ours.
"""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT
from elasticsearch import Elasticsearch

from tests.recorded.cassette import NAMESPACE, Answer, Cassette, Dates, Player, Request, Shelf, neutral, request_of
from toolkit.apply import remove
from toolkit.client.connect import capabilities
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.config.secret import basic
from toolkit.kinds import KINDS
from toolkit.kinds.base import OURS
from toolkit.load import desired
from toolkit.lock import INDEX

CASSETTES = Path(__file__).with_name("cassettes")
NEUTRAL_URL = "http://elasticsearch:9200"

_HINT = "if the toolkit is right and asks otherwise now: make record ELASTICSEARCH=…, once for each version"

Ask = Callable[[Request, bytes | None], Answer]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test plays the cassettes of every version, or runs once on the real server."""
    if "cluster" in metafunc.fixturenames:
        versions = [_Real().version] if _live(metafunc.config) else sorted(path.name for path in CASSETTES.iterdir())
        metafunc.parametrize("cluster", versions, indirect=True)


def _live(config: pytest.Config) -> bool:
    """Whether a real server is to answer."""
    return bool(config.getoption("--record") or config.getoption("--evidence"))


@pytest.fixture
def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transport]:
    """A cluster with nothing of ours on it."""
    monkeypatch.setattr("toolkit.lock.HEARTBEAT_S", 3600)  # whether one falls into a recording would be chance
    shelf, test = Shelf(CASSETTES / request.param), request.node.originalname.removeprefix("test_")
    failed = request.session.testsfailed
    if _live(request.config):
        cassette = Cassette()
        yield from _on_the_real(cassette)
        if request.config.getoption("--record") and request.session.testsfailed == failed:
            shelf.save(test, cassette)
        return
    player = Player(shelf.load(test))
    yield _transport(player.answer)
    assert player.faults == [], _HINT
    if request.session.testsfailed == failed:
        assert player.unused() == [], _HINT


def _on_the_real(cassette: Cassette) -> Iterator[Transport]:
    real = _Real()
    raw = _transport(real.answer)
    _refuse_if_used(raw)
    try:
        yield _transport(lambda request, body: real.recorded(cassette, request, body))
    finally:
        remove(raw, desired(Settings(namespace=NAMESPACE), capabilities(raw)))
        raw.delete(f"/{INDEX}")


def _refuse_if_used(raw: Transport) -> None:
    """Tests on a cluster that is in use would see others' things, and remove them."""
    server = capabilities(raw)
    for kind in KINDS:
        if kind.lacking(server):
            continue
        live = kind.live(raw) if kind.by_pattern else kind.unwrap(raw.get(kind.url(OURS)) or {})
        ours = [name for name in live if not kind.by_pattern or fnmatchcase(name, OURS)]
        assert ours == [], f"{kind.name}: this needs a cluster that holds nothing of ours"


class _Real:
    """The Elasticsearch that the environment names."""

    def __init__(self) -> None:
        url = os.environ.get("TEST_ELASTICSEARCH_URL")
        assert url, "name a real Elasticsearch: TEST_ELASTICSEARCH_URL=http://…"
        self._url = url.rstrip("/")
        self._dates = Dates()
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        number: str = self.answer(Request("GET", "/", "-"), None).body["version"]["number"]
        return f"elasticsearch-{number}"

    def recorded(self, cassette: Cassette, request: Request, body: bytes | None) -> Answer:
        """The answer, neutral already, so that the toolkit sees what it will see when this is played."""
        answer = neutral(request, self.answer(request, body))
        with self._lock:
            cassette.add(request, answer)
        return answer

    def answer(self, request: Request, body: bytes | None) -> Answer:
        """The server's own words."""
        path = quote(self._dates.restore(request.path), safe="/?&=@*.,:")
        headers = {"Accept": "application/json", "Content-Type": "application/json", **_credential()}
        data = None if body is None else self._dates.restore(body.decode()).encode()
        question = urllib.request.Request(self._url + path, data=data, headers=headers, method=request.method)
        try:
            with urllib.request.urlopen(question, timeout=60) as given:
                status, text = given.status, given.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        return Answer(status, json.loads(self._dates.hide(text) or "null"))


def _credential() -> dict[str, str]:
    user, password = (os.environ.get(f"TEST_ELASTICSEARCH_{part}") for part in ("USERNAME", "PASSWORD"))
    return {"Authorization": basic(user, password or "")} if user else {}


def _transport(ask: Ask) -> Transport:
    """The toolkit's own transport over Elasticsearch's own client, whose requests `ask` answers."""

    class Node(BaseNode):
        def perform_request(
            self,
            method: str,
            target: str,
            body: bytes | None = None,
            headers: HttpHeaders | None = None,  # noqa: ARG002
            request_timeout: Any = DEFAULT,  # noqa: ARG002
        ) -> NodeApiResponse:
            answer = ask(request_of(method, target, body), body)
            given = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
            meta = ApiResponseMeta(answer.status, "1.1", given, 0.0, self.config)
            return NodeApiResponse(meta, json.dumps(answer.body).encode())

        def close(self) -> None:
            """Nothing is open."""

    return Transport(Elasticsearch(NEUTRAL_URL, node_class=Node, request_timeout=60), NEUTRAL_URL)
