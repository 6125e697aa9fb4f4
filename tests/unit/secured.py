"""A cluster on the loopback with security on: it keeps users, API keys, roles and the lock, and nothing else."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.unit.cluster import HEADERS
from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.load import desired

Body = dict[str, Any]
SERVER = of_elasticsearch((8, 17, 2), security=True, manages_security=True)


class Secured:
    """Answers as Elasticsearch 8.3.3 and 8.17.2 did."""

    def __init__(self, url: str, namespace: str) -> None:
        self.url = url
        self.namespace = namespace
        self.security = self.manages_security = True
        self.may_post_to = {f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"}
        """Where whoever asks may do so themselves; a key that they make may do no more."""
        self.meanwhile: Callable[[str], None] = lambda _: None
        """Is told `METHOD path` of each request, when it is done and not answered yet."""
        self.authentication_type = "realm"
        self.roles = {r.name: r.body for r in desired(Settings(namespace=namespace), SERVER) if r.kind == "role"}
        self.streams = {f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"}
        self.users: dict[str, Body] = {"elastic": {"metadata": {"_reserved": True}}}
        self.api_keys: list[Body] = []
        self.refuses: dict[str, tuple[int, Body]] = {}
        """`METHOD path` → the answer that it gets instead."""
        self.requests: list[tuple[str, str, Any]] = []

    @property
    def written(self) -> list[str]:
        """What changed users and keys, in order."""
        return [
            f"{method} {path}"
            for method, path, _ in self.requests
            if method != "GET" and path.startswith("/_security") and "_has_privileges" not in path
        ]

    @property
    def valid(self) -> list[str]:
        """The names of who can post."""
        keys = [key["name"] for key in self.api_keys if not key["invalidated"]]
        return sorted([*(name for name in self.users if name != "elastic"), *keys])

    def secrets(self) -> set[str]:
        """Everything that must stand nowhere but where it was asked for."""
        passwords = {user["password"] for user in self.users.values() if "password" in user}
        return passwords | {key["encoded"] for key in self.api_keys}

    def answer(self, request: Request) -> Response:
        body = json.loads(request.data) if request.data else None
        self.requests.append((request.method, request.path, body))
        status, found = self.refuses.get(f"{request.method} {request.path}") or self._answer(request, body)
        self.meanwhile(f"{request.method} {request.path}")
        return Response(json.dumps(found), status, {**HEADERS, "Content-Type": "application/json"})

    def _answer(self, request: Request, body: Any) -> tuple[int, Any]:  # noqa: PLR0911 - one a request
        parts = request.path.strip("/").split("/")
        if parts[0] == "_security":
            return self._secure(request, parts[1:], body)
        match request.method, parts:
            case "GET", [""]:
                return 200, {"version": {"number": "8.17.2"}}
            case "GET", ["_nodes", "plugins"]:
                return 200, {"nodes": {"a": {"version": "8.17.2", "modules": []}}}
            case "GET", ["_data_stream", name]:
                return (200, {}) if name in self.streams else (404, {})
            case "PUT", ["ocs-elastic-state", "_doc", "lock"]:
                return 201, {"_seq_no": 0, "_primary_term": 1}
            case "POST", [_, "_search"]:
                return 200, {"hits": {"hits": []}}
            case "GET", ["_xpack"]:
                return 200, {"license": {"type": "basic"}}
        return 200, {}

    def _secure(self, request: Request, parts: list[str], body: Any) -> tuple[int, Any]:  # noqa: PLR0911 - one a request
        if not self.security:
            return 405, {"error": "no handler found"}
        match request.method, parts:
            case "POST", ["user", "_has_privileges"]:
                return 200, {"cluster": {"manage_security": self.manages_security}, "index": self._permitted(body)}
            case "GET", ["_authenticate"]:
                whose = {"api_key": {"name": "my-key"}} if self.authentication_type == "api_key" else {}
                return 200, {"authentication_type": self.authentication_type, **whose}
            case "GET", ["role", name]:
                return (200, {name: self.roles[name]}) if name in self.roles else (404, {})
            case "GET", ["user"]:
                return 200, {name: {k: v for k, v in u.items() if k != "password"} for name, u in self.users.items()}
            case "PUT", ["user", name]:
                self.users[name] = body
                return 200, {"created": True}
            case "DELETE", ["user", name]:
                return (200, {"found": True}) if self.users.pop(name, None) else (404, {"found": False})
            case "GET", ["api_key"]:
                shown = [{k: v for k, v in key.items() if k not in ("encoded", "body")} for key in self.api_keys]
                return 200, {"api_keys": [k for k in shown if fnmatch.fnmatch(k["name"], request.args["name"])]}
            case "POST", ["api_key"]:
                return 200, self._new_key(body)
            case "DELETE", ["api_key"]:
                gone = [key for key in self.api_keys if key["id"] in body["ids"]]
                for key in gone:
                    key["invalidated"] = True
                return 200, {"invalidated_api_keys": [key["id"] for key in gone], "error_count": 0}
        return 400, {"error": {"type": "unknown", "reason": "more than this cluster can do"}}

    def _permitted(self, body: Body) -> Body:
        asked = [(name, one["privileges"]) for one in body.get("index", []) for name in one["names"]]
        return {name: dict.fromkeys(privileges, name in self.may_post_to) for name, privileges in asked}

    def _new_key(self, body: Body) -> Body:
        id_ = f"id-{len(self.api_keys)}"
        encoded = base64.b64encode(f"{id_}:a-key-of-its-own".encode()).decode()
        common = {"id": id_, "name": body["name"]}
        key: Body = {**common, "metadata": body["metadata"], "invalidated": False, "encoded": encoded, "body": body}
        self.api_keys.append(key)
        return {**common, "api_key": "a-key-of-its-own", "encoded": encoded}


@contextmanager
def secured(web: HTTPServer, namespace: str = "bank") -> Iterator[Secured]:
    """Such a cluster, with roles and streams of one namespace."""
    found = Secured(web.url_for("").rstrip("/"), namespace)
    web.clear()
    web.expect_request(re.compile(".*")).respond_with_handler(found.answer)
    yield found
