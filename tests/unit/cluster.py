"""A cluster on the loopback that is as sound, or as broken, as a test wants; its pipeline is ten lines of Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from toolkit.catalogue import Attribute, read_catalogue

CATALOGUE = read_catalogue()
STREAM = "ocs-campaign-groups-default"
DEAD_LETTERS = "ocs-dead-letters-default"
INDEX = ".ds-{}-2026.11.23-000001"
ID = "an-id_1"
LETTER = "a-letter_2"
"""The id of what is no message of OCS's."""
HEADERS = {"X-Elastic-Product": "Elasticsearch"}  # without it Elastic's client refuses every answer

Document = dict[str, Any]


class Cluster:
    """Holds one message and one dead letter at most; every request is remembered as `METHOD path`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.streams = {STREAM, DEAD_LETTERS}
        self.stream = STREAM
        """Where the message goes."""
        self.answer_to_post: tuple[int, Any] | None = None
        self.spoil: Callable[[Document], None] = lambda _: None
        """What the pipeline does wrong."""
        self.letters = DEAD_LETTERS
        """Where what is no message goes."""
        self.spoil_letter: Callable[[Document], None] = lambda _: None
        self.answer_to_letter: tuple[int, Any] | None = None
        self.failure_store: str | None = None
        """What the answer to a post says of it; `used`: there the message is."""
        self.security: str | None = None
        """The `Authorization` that may read, if security is on; every other may only post."""
        self.loses = False
        self.found_by_search = True
        self.refuses_delete = False
        self.aggregations: list[Document] = []
        """Answers to searches with aggregations, in their order; `total`: how many documents are found."""
        self.last: list[Document] = []
        """What a search for the last message finds."""
        self.dead_letters = 0
        self.document: Document | None = None
        self.letter: Document | None = None
        self.message: Document = {}
        self.authorization: str | None = None
        """Of the last post."""
        self.requests: list[str] = []
        self.reading, self.go_on = Event(), Event()
        self.go_on.set()

    def answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.path}")
        status, body = self._answer(request)
        headers = {**HEADERS, "Content-Type": "application/json"}
        return Response(json.dumps(body), status, headers)

    def _answer(self, request: Request) -> tuple[int, Any]:  # noqa: PLR0911 - one a request
        parts = request.path.strip("/").split("/")
        if self.security and parts[-1] != "_doc" and request.headers.get("Authorization") != self.security:
            return _error(403, "security_exception")
        match request.method, parts:
            case "POST", ["_security", "user", "_has_privileges"] if self.security:
                return 200, {"cluster": {"manage_security": False}}
            case "GET", ["_data_stream", name]:
                return (200, {}) if name in self.streams else _error(404, "index_not_found_exception")
            case "POST", [_, "_doc"]:
                return self._post(request)
            case "GET", [_, "_doc", id_]:
                self.reading.set()
                self.go_on.wait(30)
                source = self.letter if id_ == LETTER else self.document
                lost = self.loses or source is None
                return (404, {"found": False}) if lost else (200, {"_source": source})
            case "DELETE", [_, "_doc", id_]:
                return self._delete(id_)
            case "POST", [_, "_search"]:
                return self._search(request.get_json())
            case "POST", [_, "_refresh"]:
                return 200, {}
            case "GET" | "POST", [_, "_count"]:
                return 200, {"count": self.dead_letters}
        return _error(400, f"{request.method} {request.path} is more than this cluster can do")

    def _post(self, request: Request) -> tuple[int, Any]:
        self.authorization = request.headers.get("Authorization")
        message = request.get_json()
        if not any(key.startswith("GSW_") for key in message):
            return self._dead_letter(request.get_data(as_text=True))
        if self.answer_to_post is not None:
            return self.answer_to_post
        self.message = message
        self.document = processed(message)
        self.spoil(self.document)
        return 201, self._created(self.stream, ID)

    def _dead_letter(self, text: str) -> tuple[int, Any]:
        if self.answer_to_letter is not None:
            return self.answer_to_letter
        error = {"type": "not_ocs", "message": "not a message of OCS"}
        self.letter = {
            "event": {"original": text},
            "error": error,
            "ocs": {"replay": {"state": "pending"}},
            "tags": ["ocs_verify"],
        }
        self.spoil_letter(self.letter)
        return 201, self._created(self.letters, LETTER)

    def _created(self, stream: str, id_: str) -> Document:
        index = INDEX.format(stream)
        if self.failure_store is None:
            return {"_index": index, "_id": id_, "result": "created"}
        used = self.failure_store == "used"
        index = index.replace(".ds-", ".fs-") if used else index
        return {"_index": index, "_id": id_, "result": "created", "failure_store": self.failure_store}

    def _delete(self, id_: str) -> tuple[int, Any]:
        if self.refuses_delete:
            return _error(403, "security_exception")
        if id_ == LETTER:
            self.letter = None
        else:
            self.document = None
        return 200, {"result": "deleted"}

    def _search(self, query: Document) -> tuple[int, Any]:
        if "aggs" in query:
            found = self.aggregations.pop(0)
            total = found.get("total", sum(bucket["doc_count"] for bucket in _reasons(found)))
            return 200, {"aggregations": found, "hits": {"total": {"value": total}}}
        if "fields" not in query:
            return 200, {"hits": {"hits": self.last}}
        fields = {name: [_at(self.document, CATALOGUE.attributes[name].alias_of)] for name in query.get("fields", [])}
        return 200, {"hits": {"hits": [{"_id": ID, "fields": fields}] if self.found_by_search else []}}


@contextmanager
def cluster(web: HTTPServer) -> Iterator[Cluster]:
    """A cluster that answers on a server, which may have served others before: to stop one takes half a second."""
    found = Cluster(web.url_for("").rstrip("/"))
    web.clear()
    web.expect_request(re.compile(".*")).respond_with_handler(found.answer)
    yield found
    found.go_on.set()


def processed(message: Document) -> Document:
    """What the pipeline makes of the message that `verify` sends."""
    document: Document = {}
    for attribute in CATALOGUE.attributes.values():
        for path, value in _fields(attribute, message[attribute.name]).items():
            put(document, path, value)
    figures = {a.name: a.calling_list for a in CATALOGUE.attributes.values() if a.calling_list}
    lists = [{figures.get(key, "name"): value for key, value in row.items()} for row in message["GSW_CALLING_LISTS"]]
    added = {
        "ocs.calling_lists": lists,
        "event.action": "start-dialing",
        "event.dataset": "ocs.campaign_group",
        "event.ingested": "2026-11-23T08:00:00.000Z",
        "event.kind": "event",
        "ocs.message": "state_change",
        "ocs.schema": CATALOGUE.schema,
        "tags": ["ocs_verify"],
    }
    for path, value in added.items():
        put(document, path, value)
    return document


def put(document: Document, path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[leaf] = value


def _fields(attribute: Attribute, value: Any) -> Document:
    if attribute.type == "code":
        label = CATALOGUE.enums[str(attribute.enum)].label(value)
        return {f"{attribute.target}.code": value, f"{attribute.target}.label": label}
    if attribute.type == "timestamp":
        moment = datetime.fromtimestamp(float(value), UTC)
        return {attribute.target: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {attribute.target: value}


def _reasons(aggregations: Document) -> list[Document]:
    buckets: list[Document] = aggregations.get("reasons", {}).get("buckets", [])
    return buckets


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = (document or {}).get(step)
    return document


def _error(status: int, type_: str) -> tuple[int, Document]:
    return status, {"error": {"type": type_, "reason": f"because of {type_}"}, "status": status}
