"""A Kibana and the Elasticsearch below it on the loopback, as sound or as broken as a test wants.

Kibana's answers have the shapes of a real 8.3.3's, which `tests/recorded` holds. It lives under a base path, and like
the real one it takes imports into spaces that are absent. Elasticsearch keeps the toolkit's state, and little else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

BASE = "/kibana"
STATE = "ocs-elastic-state"
Json = dict[str, Any]
Key = tuple[str, str]


class FakeKibana:
    """Spaces and what is in them; every request is remembered as `METHOD path`, without the base path."""

    def __init__(self) -> None:
        self.version = "8.3.3"
        self.starting = 0
        """How many times it says that it is not ready yet."""
        self.spaces = {"default"}
        self.objects: dict[str, dict[Key, Json]] = {}
        """By space; those of a space that is absent are kept too, and nobody sees them."""
        self.migrates: Callable[[Json], None] = lambda _: None
        """What this version changes in what it imports and exports."""
        self.answers: dict[str, tuple[int, Any]] = {}
        """`METHOD path` → what is answered instead, such as a refusal; the path's end is enough."""
        self.import_errors: list[Json] = []
        """Objects that an import does not take. It answers 200, and counts the others, but writes them only where all
    errors are of the types `conflict` or `unknown`."""
        self.shared: dict[Key, list[str]] = {}
        """Data views that are in other spaces too: which ones."""
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.ticks = count(1)

    def edit(self, space: str, key: Key, change: Callable[[Json], None]) -> None:
        """Save an object by hand, as people do in Kibana."""
        saved = self.objects[space][key]
        change(saved["attributes"])
        self._stamp(saved)

    def answer(self, request: Request) -> Response:
        path = request.path.removeprefix(BASE)
        asked = f"{request.method} {path}"
        self.requests.append(asked)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        status, body = next((a for end, a in self.answers.items() if asked.endswith(end)), None) or self._answer(
            request, path
        )
        text, type_ = (body, "text/plain") if isinstance(body, str) else (json.dumps(body), "application/json")
        if isinstance(body, list) and path.endswith("_export"):
            text, type_ = "\n".join(map(json.dumps, body)), "application/ndjson"
        return Response(text, status, {"content-type": type_, "kbn-name": "kibana"})

    def _answer(self, request: Request, path: str) -> tuple[int, Any]:  # noqa: PLR0911 - one a request
        found = re.fullmatch(r"(?:/s/(?P<space>[^/]+))?(?P<path>/api/.*)", path)
        if not found or request.path == path:
            return _refusal(404, "Not Found")
        space = found["space"] or "default"
        if request.method != "GET" and "kbn-xsrf" not in request.headers:
            return _refusal(400, "Request must contain a kbn-xsrf header.")
        match request.method, found["path"].strip("/").split("/")[1:]:
            case "GET", ["status"]:
                return self._status()
            case "GET", ["spaces", "space", name]:
                return (200, {"id": name}) if name in self.spaces else _refusal(404, "Not Found")
            case "POST", ["spaces", "space"]:
                return self._create_space(request.get_json())
            case "POST", ["saved_objects", "_import"]:
                return self._import(space, request)
            case "POST", ["saved_objects", "_export"]:
                return self._export(space, request.get_json())
            case "GET", ["saved_objects", "_find"]:
                return self._find(space, request)
            case "GET", ["saved_objects", type_, id_] if saved := self.objects.get(space, {}).get((type_, id_)):
                return 200, {**saved, "namespaces": [space, *self.shared.get((type_, id_), [])]}
            case "GET", ["saved_objects", type_, id_]:
                return _refusal(404, f"Saved object [{type_}/{id_}] not found")
            case "DELETE", ["saved_objects", type_, id_] if (type_, id_) in self.shared:
                return _refusal(
                    400,
                    "Unable to delete saved object that exists in multiple namespaces, use the `force`"
                    " option to delete it anyway: Bad Request",
                )
            case "DELETE", ["saved_objects", type_, id_]:
                gone = self.objects.get(space, {}).pop((type_, id_), None)
                return (200, {}) if gone else _refusal(404, f"Saved object [{type_}/{id_}] not found")
        return _refusal(400, f"{request.method} {path} is more than this Kibana can do")

    def _status(self) -> tuple[int, Any]:
        if self.starting:
            self.starting -= 1
            return 503, "Kibana server is not ready yet"
        overall = {"level": "available", "summary": "All services are available"}
        return 200, {"name": "k", "version": {"number": self.version}, "status": {"overall": overall}}

    def _create_space(self, body: Json) -> tuple[int, Any]:
        if body["id"] in self.spaces:
            return _refusal(409, f"A space with the identifier {body['id']} already exists.")
        self.spaces.add(body["id"])
        return 200, body

    def _import(self, space: str, request: Request) -> tuple[int, Any]:
        file = request.files["file"]
        assert request.args.to_dict() == {"overwrite": "true"}
        assert str(file.filename).endswith(".ndjson")
        refused = {(error["type"], error["id"]) for error in self.import_errors}
        hopeless = any(e["error"]["type"] in ("missing_references", "unsupported_type") for e in self.import_errors)
        done = []
        for line in file.read().decode().splitlines():
            saved = json.loads(line)
            key = (saved["type"], saved["id"])
            elsewhere = any(key in objects for other, objects in self.objects.items() if other != space)
            if key in refused:
                continue
            done.append({"type": key[0], "id": key[1], **({"destinationId": "a-copy"} if elsewhere else {})})
            if hopeless:
                continue
            self.migrates(saved)
            self._stamp(saved)
            self.objects.setdefault(space, {})[key[0], "a-copy" if elsewhere else key[1]] = saved
        answer = {"success": not refused, "successCount": len(done), "successResults": done}
        return 200, {**answer, **({"errors": self.import_errors} if refused else {})}

    def _export(self, space: str, body: Json) -> tuple[int, Any]:
        assert body["excludeExportDetails"] is True
        wanted = [(each["type"], each["id"]) for each in body["objects"]]
        here = self.objects.get(space, {})
        if absent := [key for key in wanted if key not in here]:
            errors = [{"id": i, "type": t, "error": {"statusCode": 404, "message": "not found"}} for t, i in absent]
            return 400, {"statusCode": 400, "message": "Error fetching objects", "attributes": {"objects": errors}}
        return 200, [here[key] for key in wanted]

    def _find(self, space: str, request: Request) -> tuple[int, Any]:
        wanted = json.loads(request.args["has_reference"])
        found = [
            {"type": type_, "id": id_, "attributes": saved["attributes"]}
            for (type_, id_), saved in self.objects.get(space, {}).items()
            if type_ in request.args.getlist("type")
            and wanted in [{"type": r["type"], "id": r["id"]} for r in saved.get("references", [])]
        ]
        return 200, {"saved_objects": found}

    def _stamp(self, saved: Json) -> None:
        tick = next(self.ticks)
        saved |= {"updated_at": f"2026-11-23T08:00:{tick:02}.000Z", "version": f"W{tick}", "coreMigrationVersion": "9"}


class FakeElasticsearch:
    """Keeps documents of the state index; knows streams and indices by name only."""

    def __init__(self) -> None:
        self.names = {"ocs-campaign-groups-default", "ocs-dead-letters-default", "ocs-current-state-default"}
        self.documents: dict[str, Json] = {}
        self.pipelines: Json = {}
        self.has_state = False
        self.fails_to_record: Callable[[Json], bool] = lambda _: False
        """Which of the toolkit's own documents cannot be written."""
        self.requests: list[str] = []

    def answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.path}")
        status, body = self._answer(request)
        headers = {"X-Elastic-Product": "Elasticsearch", "content-type": "application/json"}
        return Response(json.dumps(body), status, headers)

    def _answer(self, request: Request) -> tuple[int, Any]:  # noqa: PLR0911 - one a request
        match request.method, request.path.strip("/").split("/"):
            case "GET", [""]:
                return 200, {"cluster_name": "c", "cluster_uuid": "u", "version": {"number": "8.3.3"}}
            case "GET", ["_nodes", "plugins"]:
                modules = [{"name": "transform"}, {"name": "x-pack-ilm"}]
                return 200, {"nodes": {"n": {"version": "8.3.3", "modules": modules}}}
            case "GET", ["_ingest", "pipeline", "ocs-*"]:
                return 200, self.pipelines
            case "GET", ["_data_stream", name] if name in self.names:
                return 200, {"data_streams": [{"name": name, "indices": [{"index_name": name}]}]}
            case "GET" | "PUT", [name] if name == STATE:
                self.has_state |= request.method == "PUT"
                return (200, {STATE: {}}) if self.has_state else _missing()
            case "GET", [name] if name in self.names:
                return 200, {name: {"mappings": {"_meta": {"managed_by": "ocs-elastic"}}, "settings": {}}}
            case method, [name, "_doc", id_] if name == STATE:
                return self._document(method, id_, request)
            case "POST", [name, "_search"] if name == STATE:
                hits = [{"_source": d} for d in self.documents.values() if d["type"] == "dashboards"]
                return 200, {"hits": {"hits": hits}}
            case "GET", _:
                return _missing()
        return 400, {"error": {"type": "x", "reason": f"{request.method} {request.path} is too much"}, "status": 400}

    def _document(self, method: str, id_: str, request: Request) -> tuple[int, Any]:
        if method == "PUT":
            body = request.get_json()
            if self.fails_to_record(body):
                return 503, {"error": {"type": "unavailable", "reason": "the shard is gone"}, "status": 503}
            self.documents[id_] = body
        elif method == "DELETE":
            self.documents.pop(id_, None)
        found = self.documents.get(id_)
        if method == "GET" and found is None:
            return _missing()
        return 200, {"_id": id_, "_seq_no": 1, "_primary_term": 1, "_source": found}


def _refusal(status: int, message: str) -> tuple[int, Json]:
    return status, {"statusCode": status, "error": "x", "message": message}


def _missing() -> tuple[int, Json]:
    return 404, {"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404}


@contextmanager
def servers(web: HTTPServer) -> Iterator[tuple[FakeKibana, FakeElasticsearch]]:
    """Both on one port, which may have served others before."""
    kibana, elasticsearch = FakeKibana(), FakeElasticsearch()

    def answer(request: Request) -> Response:
        return (kibana if request.path.startswith(BASE) else elasticsearch).answer(request)

    web.clear()
    web.expect_request(re.compile(".*")).respond_with_handler(answer)
    yield kibana, elasticsearch
