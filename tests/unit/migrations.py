"""A cluster in a dictionary, with sequence numbers; and files of migrations to run on it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from toolkit.capabilities import of_elasticsearch
from toolkit.client import guard
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.migrate.place import Place

ROLLOVER = "description: why\nsteps:\n  - rollover: {stream: campaign_groups}\n"
HISTORY = "/ocs-elastic-state/_doc/migrations-default"

Json = dict[str, Any]


def write(folder: Path, name: str, text: str) -> Path:
    """A file of a folder, which is made; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


class Elasticsearch:
    """Documents by their path, each with a number that grows; as much of a transport as history and steps need."""

    url = "http://a-cluster:9200"
    read_only = False

    def __init__(self) -> None:
        self.about = of_elasticsearch((8, 17, 2))
        self.documents: dict[str, Any] = {}
        """What a GET finds: of a document of an index the source, else the whole answer."""
        self.positions: dict[str, int] = {}
        self.written: list[tuple[str, str, Any, Any]] = []
        """Method, path, parameters, body."""
        self.before: Callable[[str, str], None] = lambda _method, _path: None
        """Is told of every write before it is done; and `after` it, which may raise as if the answer were lost."""
        self.after: Callable[[str, str], None] = lambda _method, _path: None

    def transport(self) -> Transport:
        return cast("Transport", self)

    def get(self, path: str, params: Any = None) -> Any:  # noqa: ARG002 - as a transport has it
        if path not in self.documents:
            return None
        found = copy.deepcopy(self.documents[path])
        return {"_source": found, **self._position(path)} if "/_doc/" in path else found

    def put(self, path: str, body: Any, params: Any = None) -> Any:
        self._write("PUT", path, params, body)
        self._require(path, params or {})
        self.documents[path] = json.loads(json.dumps(body))
        self.positions[path] = self.positions.get(path, -1) + 1
        self.after("PUT", path)
        return self._position(path)

    def post(self, path: str, body: Any, params: Any = None) -> Any:
        self._write("POST", path, params, body)
        self.after("POST", path)
        return {}

    def delete(self, path: str, params: Any = None, body: Any = None) -> Any:
        self._write("DELETE", path, params, body)
        self._require(path, params or {})
        found = self.documents.pop(path, None)
        self.after("DELETE", path)
        return None if found is None else {"result": "deleted"}

    def _write(self, method: str, path: str, params: Any, body: Any) -> None:
        guard.check(method, path, params, body, read_only=self.read_only)
        self.before(method, path)
        self.written.append((method, path, params, body))

    def _require(self, path: str, params: Json) -> None:
        there = path in self.documents
        if params.get("op_type") == "create" and there:
            raise _conflict(path)
        if "if_seq_no" in params and (not there or params["if_seq_no"] != str(self.positions[path])):
            raise _conflict(path)

    def _position(self, path: str) -> Json:
        return {"_seq_no": self.positions.setdefault(path, 0), "_primary_term": 1}


def place(server: Elasticsearch, *, namespace: str = "default", version: int = 1000, **options: Any) -> Place:
    """Where a migration runs."""
    return Place(
        transport=server.transport(),
        server=server.about,
        namespace=namespace,
        resources=[],
        version=version,
        **options,
    )


def _conflict(path: str) -> RejectedError:
    return RejectedError(f"{path}: version conflict", status=409)
