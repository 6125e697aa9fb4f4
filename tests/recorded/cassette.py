"""What a real Elasticsearch answered, kept as JSON, and given again to the same requests and to no others.

A cassette holds the requests of one test. Reads are kept by what they ask, each with its answers in their order, since
`toolkit.live` asks several things at once. Writes are kept in steps: those of one kind of resource may come in any
order, but each resource's own, and the kinds among each other, only in the order in which they were recorded. Answers
are written once for all cassettes of a version. Bodies of requests are kept as checksums, since they are ours.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from toolkit.canonical import checksum
from toolkit.client.guard import writes
from toolkit.lock import INDEX as STATE

NAMESPACE = "recorded"
_OF_RUNS = tuple(f"/{STATE}/_doc/{name}" for name in ("lock", "migrations-", "task-"))
"""What the toolkit writes down of a run; no two are alike."""
_KINDS_OF_TWO_WORDS = ("_ilm", "_ingest", "_security")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is recognised again."""

    method: str
    path: str
    """With parameters, in the order of their names."""
    body: str
    """Its checksum; `-` where there is none."""

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return writes(self.method, self.path.partition("?")[0])

    @property
    def kind(self) -> str:
        """What sort of thing it is about."""
        return self._parts[0]

    @property
    def resource(self) -> str:
        """The one thing that it is about."""
        return "/".join(self._parts)

    @property
    def _parts(self) -> tuple[str, str]:
        words = self.path.partition("?")[0].strip("/").split("/")
        if not words[0].startswith("_"):
            return words[0], ""
        length = 2 if words[0] in _KINDS_OF_TWO_WORDS else 1
        return "/".join(words[:length]), "/".join(words[length : length + 1])

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer."""

    status: int
    body: Any


@dataclass
class Cassette:
    """The exchanges of one test."""

    reads: dict[str, list[tuple[int, Answer]]] = field(default_factory=lambda: defaultdict(list))
    """Request → its answers in their order, each with the number of steps of writing begun before it."""
    steps: list[list[tuple[Request, Answer]]] = field(default_factory=list)

    def add(self, request: Request, answer: Answer) -> None:
        """Keep an exchange that took place."""
        if not request.writes:
            self.reads[str(request)].append((len(self.steps), answer))
            return
        if not self.steps or self.steps[-1][-1][0].kind != request.kind:
            self.steps.append([])
        self.steps[-1].append((request, answer))

    def as_json(self, answers: dict[str, Any]) -> dict[str, Any]:
        """As it is kept; the answers are added to `answers`."""

        def kept(answer: Answer) -> str:
            name = _short(answer.body)
            answers[name] = answer.body
            return f"{answer.status} {name}"

        return {
            "reads": {
                request: [f"{step}: {kept(answer)}" for step, answer in given] for request, given in self.reads.items()
            },
            "writes": [
                [
                    f"{request} -> {kept(answer)}"
                    for request, answer in sorted(step, key=lambda exchange: exchange[0].resource)
                ]
                for step in self.steps
            ],
        }


def cassette_of(kept: dict[str, Any], answers: dict[str, Any]) -> Cassette:
    """The opposite of `Cassette.as_json`."""

    def answer(text: str) -> Answer:
        status, name = text.split(" ")
        return Answer(int(status), answers[name])

    def exchange(text: str) -> tuple[Request, Answer]:
        request, given = text.split(" -> ")
        return Request(*request.split(" ")), answer(given)

    cassette = Cassette()
    for request, given in kept["reads"].items():
        for text in given:
            step, reply = text.split(": ")
            cassette.reads[request].append((int(step), answer(reply)))
    cassette.steps = [[exchange(text) for text in step] for step in kept["writes"]]
    return cassette


class Player:
    """Answers from a cassette; what was not recorded, or not in this order, is an error."""

    def __init__(self, cassette: Cassette) -> None:
        self._reads = {request: list(given) for request, given in cassette.reads.items()}
        self._steps = [list(step) for step in cassette.steps]
        self._begun = 0
        self.faults: list[str] = []

    def answer(self, request: Request, _body: bytes | None) -> Answer:
        """What was answered when this was recorded.

        Raises:
            AssertionError: this was not recorded, or is out of order.
        """
        try:
            return self._write(request) if request.writes else self._read(request)
        except AssertionError as error:
            self.faults.append(str(error))  # a test must fail even where the toolkit survives this
            raise

    def unused(self) -> list[str]:
        """What was recorded and has not been asked."""
        reads = [f"{request} ({len(given)} times)" for request, given in self._reads.items() if given]
        return reads + [str(request) for step in self._steps for request, _ in step]

    def _read(self, request: Request) -> Answer:
        given = self._reads.get(str(request))
        assert given, f"not recorded, or not so often: {request}"
        step, answer = given.pop(0)
        # Those of a kind come at once, so a read beside the first write of its kind counts before or after it.
        assert abs(step - self._begun) <= 1, f"out of order: {request}: in step {self._begun} instead of {step}"
        return answer

    def _write(self, request: Request) -> Answer:
        if self._begun == 0 or not self._steps[self._begun - 1]:
            assert self._begun < len(self._steps), f"not recorded: {request}"
            self._begun += 1
        step = self._steps[self._begun - 1]
        of_resource = (i for i, (other, _) in enumerate(step) if other.resource == request.resource)
        position = next(of_resource, None)
        assert position is not None, f"not recorded, or out of order: {request}; due: {_shown(step)}"
        assert step[position][0] == request, f"recorded was {step[position][0]}, not {request}"
        return step.pop(position)[1]


def _shown(step: Iterable[tuple[Request, Answer]]) -> str:
    return ", ".join(str(request) for request, _ in step)


def request_of(method: str, target: str, body: bytes | None) -> Request:
    """A request without what differs from one run to the next."""
    parts = urlsplit(target)
    parameters = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query)))
    path = unquote(parts.path) + (f"?{parameters}" if parameters else "")
    if not body:
        return Request(method, path, "-")
    if parts.path.startswith(_OF_RUNS):
        return Request(method, path, "state")  # it holds owner, host, process, times or the server's tasks
    return Request(method, path, _short(_without_version(json.loads(body))))


def neutral(request: Request, answer: Answer) -> Answer:
    """An answer without what differs from one run or machine to the next, and without what no plan looks at."""
    body = answer.body
    match request.path.partition("?")[0]:
        case "/":
            kept = {key: body["version"][key] for key in ("number", "build_flavor")}
            body = {
                "name": "elasticsearch",
                "cluster_name": "elasticsearch",
                "cluster_uuid": NAMESPACE,
                "version": kept,
            }
        case "/_nodes/plugins":
            body = {"nodes": {f"node-{i}": _known_modules(node) for i, node in enumerate(body["nodes"].values())}}
        case "/_index_template":
            ours = [item for item in body.get("index_templates", []) if item["name"].startswith("ocs-")]
            body = {"index_templates": ours}
        case path if path.endswith("/_stats") and "transforms" in body:
            steady = {"indexing": "started"}  # both run, and which it is, is a matter of the moment
            states = [(item["id"], item["state"]) for item in body["transforms"]]
            body = {"transforms": [{"id": id_, "state": steady.get(state, state)} for id_, state in states]}
    return Answer(answer.status, _steady(body))


def _known_modules(node: dict[str, Any]) -> dict[str, Any]:
    """Those that the toolkit asks about, of some ninety."""
    asked = ("data-streams", "transform", "x-pack-ilm")
    return {**node, "modules": [module for module in node["modules"] if module["name"] in asked]}


_VOLATILE = {
    "cluster_uuid": NAMESPACE,
    "create_time": 0,
    "creation_date": "0",
    "index_uuid": NAMESPACE,
    "modified_date": "2000-01-01T00:00:00.000Z",
    "modified_date_millis": 0,
    "created_date": "2000-01-01T00:00:00.000Z",
    "created_date_millis": 0,
    "took": 0,
    "uuid": NAMESPACE,
}


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("result") == "created" and value.get("_id") != "lock":
            value = {**value, "_id": NAMESPACE}
        return {key: _VOLATILE.get(key, _steady(item)) for key, item in value.items()}
    if isinstance(value, list):
        return [_steady(item) for item in value]
    return value


def _without_version(value: Any) -> Any:
    """Without the toolkit's version, which is written for people: a release must not need a new recording."""
    if isinstance(value, dict):
        return {key: _without_version(item) for key, item in value.items() if key != "toolkit_version"}
    return [_without_version(item) for item in value] if isinstance(value, list) else value


def _short(value: Any) -> str:
    return checksum(value).partition(":")[2][:12]


class Dates:
    """Names of backing indices hold the day of their making: every day is another day in a cassette.

    Requests and answers are text to this; it gives the server its own names back.
    """

    _DATED = re.compile(rf"((?:\.ds-)?(ocs-[a-z-]+-{NAMESPACE})(?:-v\d+)?)-(\d{{4}}\.\d\d\.\d\d)-(\d{{6}})")
    _DAY = "2000.01.01"

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], str] = {}
        """Stream and generation → day."""

    def hide(self, text: str) -> str:
        """The text with one day for all days."""

        def replace(found: re.Match[str]) -> str:
            self._days[found[2], found[4]] = found[3]
            return f"{found[1]}-{self._DAY}-{found[4]}"

        return self._DATED.sub(replace, text)

    def restore(self, text: str) -> str:
        """The text with the server's own names."""

        def replace(found: re.Match[str]) -> str:
            return f"{found[1]}-{self._days.get((found[2], found[4]), found[3])}-{found[4]}"

        return self._DATED.sub(replace, text)


class Shelf:
    """The cassettes of one version, in a folder."""

    ANSWERS = "answers.json"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, test: str) -> Cassette:
        """A test's cassette."""
        return cassette_of(_read(self._folder / f"{test}.json"), _read(self._folder / self.ANSWERS))

    def save(self, test: str, cassette: Cassette) -> None:
        """Keep a test's cassette; answers that no cassette has any more go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / self.ANSWERS
        answers = _read(file) if file.exists() else {}
        _write(self._folder / f"{test}.json", cassette.as_json(answers))
        texts = [other.read_text(encoding="utf-8") for other in self._folder.glob("*.json") if other != file]
        _write(file, {name: body for name, body in answers.items() if any(name in text for text in texts)})


def _read(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
