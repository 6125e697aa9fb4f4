"""What a real Kibana answered, kept as JSON, and given again to the same requests in the same order.

The toolkit asks Kibana one thing after the other, so a cassette is a list. Bodies of requests are kept as checksums,
since they are ours. Elasticsearch is the tests' own: what the real one answers is recorded elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import elastic_transport
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, NodeConfig
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT

from toolkit.client.kibana import Kibana, _serializers
from toolkit.config import Connection

CASSETTES = Path(__file__).with_name("cassettes_of_kibana")
URL = "http://kibana:5601"
SPACES = ("recorded-a", "recorded-b")
HINT = "if the toolkit is right and asks otherwise now: make record ELASTICSEARCH=… KIBANA=…"


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    request: str
    """Method, target and the body's checksum."""
    status: int
    type: str
    body: str


Ask = Callable[[str, str, bytes | None, dict[str, str]], Exchange]


class Player:
    """Answers from a cassette; what was not recorded, or not in this order, is an error."""

    def __init__(self, kept: list[Exchange]) -> None:
        self.left = list(kept)
        self.faults: list[str] = []

    def ask(self, method: str, target: str, body: bytes | None, _headers: dict[str, str]) -> Exchange:
        asked, due = request_of(method, target, body), self.left[0].request if self.left else "nothing"
        if asked != due:
            self.faults.append(
                f"asked {asked}; recorded {due}"
            )  # a test must fail even where the toolkit survives this
            raise AssertionError(self.faults[-1])
        return self.left.pop(0)


class Recorder:
    """Asks a real Kibana, and keeps what it answers."""

    def __init__(self) -> None:
        url = os.environ.get("TEST_KIBANA_URL")
        assert url, "name a real Kibana: TEST_KIBANA_URL=http://…"
        self._url = url.rstrip("/")
        self.kept: list[Exchange] = []

    def ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Exchange:
        exchange = self.raw(method, target, body, headers)
        self.kept.append(exchange)
        return exchange

    def raw(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Exchange:
        """The answer, neutral already, so that the toolkit sees what it will see when this is played."""
        sent = {"kbn-xsrf": "tests", **(headers or {})}
        request = urllib.request.Request(self._url + target, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as given:
                status, answered, text = given.status, given.headers, given.read().decode()
        except urllib.error.HTTPError as error:
            status, answered, text = error.code, error.headers, error.read().decode()
        assert "kbn-name" in answered
        type_ = answered.get("content-type", "").partition(";")[0]
        return Exchange(request_of(method, target, body), status, type_, _neutral(target, text))

    @property
    def version(self) -> str:
        return f"kibana-{json.loads(self.raw('GET', '/api/status').body)['version']['number']}"

    def clean(self) -> None:
        """Remove the tests' spaces, and with them what is inside."""
        for space in SPACES:
            self.raw("DELETE", f"/api/spaces/space/{space}")


def kept_in(file: Path) -> list[Exchange]:
    return [Exchange(**each) for each in json.loads(file.read_text(encoding="utf-8"))]


def keep(exchanges: list[Exchange], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(each) for each in exchanges], ensure_ascii=False, indent=1)
    file.write_text(f"{text}\n", encoding="utf-8")


def request_of(method: str, target: str, body: bytes | None) -> str:
    """A request without what differs from one run to the next: the boundary of a multipart body."""
    if not body:
        return f"{method} {target} -"
    boundary = re.match(rb"--([0-9a-f]{32})\r\n", body)
    steady = body.replace(boundary[1], b"boundary") if boundary else body
    return f"{method} {target} {hashlib.sha256(steady).hexdigest()[:12]}"


def kibana_of(ask: Ask, space: str) -> Kibana:
    """The toolkit's own client, whose requests `ask` answers."""

    class Node(BaseNode):
        def perform_request(
            self,
            method: str,
            target: str,
            body: bytes | None = None,
            headers: HttpHeaders | None = None,
            request_timeout: Any = DEFAULT,  # noqa: ARG002
        ) -> NodeApiResponse:
            answer = ask(method, target, body, dict(headers or {}))
            given = HttpHeaders({"content-type": answer.type, "kbn-name": "kibana"})
            return NodeApiResponse(ApiResponseMeta(answer.status, "1.1", given, 0.0, self.config), answer.body.encode())

        def close(self) -> None:
            """Nothing is open."""

    config = NodeConfig("http", "kibana", 5601)
    transport = elastic_transport.Transport(
        [config], node_class=Node, serializers=_serializers(), meta_header=False, max_retries=0
    )
    return Kibana(transport, Connection(url=URL, source="the tests"), space=space, read_only=False)


def _neutral(target: str, text: str) -> str:
    """Of a status, only what the toolkit looks at; the rest is of the machine."""
    if not target.endswith("/api/status"):
        return text
    status = json.loads(text)
    if "version" not in status:
        return text
    level = status["status"]["overall"]["level"]
    return json.dumps({"version": {"number": status["version"]["number"]}, "status": {"overall": {"level": level}}})
