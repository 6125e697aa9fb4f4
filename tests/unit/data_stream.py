"""A data stream and its indices as a reindexing sees them, on a cluster that may die with every write."""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from typing import Any, cast

from toolkit.capabilities import of_elasticsearch
from toolkit.client import guard
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.effective import effective
from toolkit.errors import RejectedError
from toolkit.load import desired
from toolkit.model import STATE_INDEX, Body

STREAM = "ocs-campaign-groups-default"
SERVER = of_elasticsearch((8, 17, 2))
RESOURCES = desired(Settings(), SERVER)
BY_NAME = {(resource.kind, resource.name): resource.body for resource in RESOURCES}
MAPPINGS = effective(
    BY_NAME["index_template", STREAM], lambda name: BY_NAME.get(("component_template", name), {"template": {}})
)["mappings"]
HOUR_MS = 3_600_000
BATCH = 4
"""Documents that a task writes between two looks at it."""


class Died(BaseException):
    """The command was killed right after a write."""


def backing(generation: int) -> str:
    """The name of an index that the server makes."""
    return f".ds-{STREAM}-2026.11.23-{generation:06}"


class DataStream:
    """Three indices of ten documents each, the first two outdated; the last one is written to, and outdated as well."""

    url = "http://cluster"
    read_only = False

    def __init__(self) -> None:
        self.indices: dict[str, Body] = {}
        self.documents: dict[str, set[str]] = {}
        self.stream: list[str] = []
        self.generation = 0
        self.state: dict[str, Body] = {}
        """Documents of the toolkit's own index."""
        self.tasks: dict[str, Body] = {}
        self.pipelines: dict[str, str] = {}
        """Name → `keep` or `drop`."""
        self.policies: dict[str, str] = {STREAM: "27d"}
        """Name → age at which indices are deleted."""
        self.live = {key: copy.deepcopy(body) for key, body in BY_NAME.items()}
        self.free_bytes = 100 * 2**30
        self.lacking: set[str] = set()
        """Privileges that the credential has not."""
        self.writes: list[str] = []
        self.die_after: int | None = None
        """The number of the write that is the command's last."""
        self.restart_at: int | None = None
        """The number of the look at a task before which the server starts anew."""
        self.looks = 0
        for number in range(3):
            self._roll_over(outdated=True)
            self.documents[self.stream[-1]] = {f"{number}-{i}" for i in range(10)}

    def transport(self) -> Transport:
        """Itself, to whoever wants to send requests."""
        return cast("Transport", self)

    def look(self) -> Body:
        """All that there is, but what only numbers it."""
        found = copy.deepcopy(self.indices)
        for index in found.values():
            if replaced := index["mappings"].get("_meta", {}).get("replaced"):
                replaced["until"] = replaced["until"] and "some time"
        return {"indices": found, "stream": self.stream, "documents": self.documents, "state": self.state}

    def expire(self, index: str) -> None:
        """Its retention is over: ILM deletes it."""
        self._delete_index(index)

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: PLR0911 - one a request
        guard.check("GET", path, params, None, read_only=True)
        parts = path.strip("/").split("/")
        match parts:
            case ["_data_stream", _]:
                indices = [{"index_name": index} for index in self.stream] if parts[1] == STREAM else []
                return {"data_streams": [{"name": parts[1], "indices": indices}]}
            case ["_index_template", name]:
                body = self.live.get(("index_template", name))
                return body and {"index_templates": [{"name": name, "index_template": body}]}
            case ["_component_template", name]:
                body = self.live.get(("component_template", name))
                return body and {"component_templates": [{"name": name, "component_template": body}]}
            case ["_ingest", "pipeline", name]:
                return {name: self.pipelines[name]} if name in self.pipelines else None
            case ["_ilm", "policy", name]:
                age = self.policies.get(name)
                return age and {name: {"policy": {"phases": {"delete": {"min_age": age}}}}}
            case ["_cluster", "settings"]:
                watermark = {"high": "90%", "high.max_headroom": "150GB"}
                return {"defaults": {"cluster": {"routing": {"allocation": {"disk": {"watermark": watermark}}}}}}
            case ["_cluster", "state", "metadata", index]:
                times = self.indices[index].get("rollover", [])
                return {"metadata": {"indices": {index: {"rollover_info": {str(t): {"time": t} for t in times}}}}}
            case ["_nodes", "stats", "fs"]:
                disk = {"total_in_bytes": 200 * 2**30, "available_in_bytes": self.free_bytes}
                return {"nodes": {"n": {"roles": ["data_hot"], "fs": {"total": disk}}}}
            case ["_tasks"]:
                return {"nodes": {"n": {"tasks": {id_: task["task"] for id_, task in self.tasks.items()}}}}
            case ["_tasks", id_]:
                return self._task(id_)
            case [index, "_doc", id_] if index == STATE_INDEX:
                return {"_source": self.state[id_]} if id_ in self.state else None
            case [patterns, "_mapping"]:
                what = (params or {})["filter_path"].rpartition(".")[2]
                named = [name for name in self.indices if any(fnmatchcase(name, p) for p in patterns.split(","))]
                kept = {name: self.indices[name]["mappings"]["_meta"].get(what) for name in named}
                return {name: {"mappings": {"_meta": {what: mark}}} for name, mark in kept.items() if mark}
            case [_, "_settings"]:
                blocks = {name: self.indices[name]["settings"]["index"].get("blocks", {}) for name in self.stream}
                flat = {name: {f"index.blocks.{key}": value for key, value in b.items()} for name, b in blocks.items()}
                return {name: {"settings": settings} for name, settings in flat.items()}
            case [name, "_stats", "store"]:
                found = {index: self.documents[index] for index in (self.stream if name == STREAM else [name])
                         if index in self.documents}  # fmt: skip
                size = {index: len(documents) * 2**30 // 10 for index, documents in found.items()}
                return {"indices": {i: {"total": {"store": {"size_in_bytes": each}}} for i, each in size.items()}}
            case [index, "_ilm", "explain"]:
                return self._explained(index)
            case [name] if name == STREAM:
                return {index: self._shown(index) for index in self.stream}
            case [index]:
                return {index: self._shown(index)} if index in self.indices else None
        raise AssertionError(f"GET {path}")

    def put(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        guard.check("PUT", path, params, body, read_only=False)
        match path.strip("/").split("/"):
            case [index, "_doc", id_] if index == STATE_INDEX:
                self.state[id_] = body
            case [index, "_block", "write"]:
                self._there(index)["settings"]["index"].setdefault("blocks", {})["write"] = "true"
            case [index, "_settings"]:
                self._set(self._there(index)["settings"]["index"], body)
            case [index, "_mapping"]:
                self._there(index)["mappings"].update(copy.deepcopy(body))
            case [index]:
                if index in self.indices:
                    raise RejectedError("already exists", status=400)
                self._create(index, body)
        return self._written(f"PUT {path}", {})

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        guard.check("POST", path, params, body, read_only=False)
        answer: Any = {}
        match path.strip("/").split("/"):
            case ["_index_template", "_simulate", _]:
                return {"template": {"mappings": body["template"]["mappings"]}}
            case ["_index_template", "_simulate_index", _]:
                return {"template": self._template()}
            case ["_security", "user", "_has_privileges"]:
                asked = [(name, p) for entry in body["index"] for name in entry["names"] for p in entry["privileges"]]
                return {"index": {name: {p: p not in self.lacking} for name, p in asked}}
            case [names, "_refresh"]:
                for name in names.split(","):
                    self._there(name)
                return {}
            case [index, "_count"]:
                self._there(index)
                return {"count": len(self.documents[index])}
            case ["_reindex"]:
                answer = {"task": self._begin(body)}
            case ["_data_stream", "_modify"]:
                self._modify(body["actions"])
            case [index, "_ilm", "remove"]:
                self._there(index)["settings"]["index"].pop("lifecycle", None)
            case [name, "_rollover"]:
                assert name == STREAM
                self._roll_over(outdated=False)
            case _:
                raise AssertionError(f"POST {path}")
        return self._written(f"POST {path}", answer)

    def delete(self, path: str, params: dict[str, str] | None = None) -> Any:
        guard.check("DELETE", path, params, None, read_only=False)
        match path.strip("/").split("/"):
            case [_, "_doc", id_]:
                self.state.pop(id_, None)
            case [index]:
                if index == self.stream[-1]:
                    raise RejectedError("it is written to", status=400)
                self._delete_index(index)
        return self._written(f"DELETE {path}", {})

    def _written(self, what: str, answer: Any) -> Any:
        self.writes.append(what)
        if len(self.writes) == self.die_after:
            raise Died(what)
        return answer

    def _there(self, index: str) -> Body:
        if index not in self.indices:
            raise RejectedError(f"no such index [{index}]", status=404)
        return self.indices[index]

    def _template(self) -> Body:
        index = {"number_of_shards": "1", "default_pipeline": "main", "lifecycle": {"name": STREAM}}
        return copy.deepcopy({"settings": {"index": index}, "mappings": {**MAPPINGS, "_meta": {"managed_by": "us"}}})

    def _roll_over(self, *, outdated: bool) -> None:
        self.generation += 1
        body = self._template()
        body["settings"]["index"]["hidden"] = True
        if outdated:
            body["mappings"]["properties"]["event"]["properties"]["kind"]["type"] = "text"
        if self.stream:
            self.indices[self.stream[-1]]["rollover"] = [self.generation * HOUR_MS]
        self._create(backing(self.generation), body)
        self.indices[backing(self.generation)]["settings"]["index"]["creation_date"] = str(self.generation * HOUR_MS)
        self.stream.append(backing(self.generation))

    def _create(self, index: str, body: Body) -> None:
        made = copy.deepcopy(body)
        made["settings"]["index"].setdefault("creation_date", "0")
        self.indices[index], self.documents[index] = made, set()
        self._set(made["settings"]["index"], {"hidden": made["settings"]["index"].get("hidden", False)})

    def _set(self, settings: Body, changes: Body) -> None:
        for name, value in changes.items():
            *path, last = name.removeprefix("index.").split(".")
            place = settings
            for step in path:
                place = place.setdefault(step, {})
            if value is None:
                place.pop(last, None)
            else:
                place[last] = str(value).lower() if isinstance(value, bool) else str(value)
        if settings.get("blocks") == {}:
            del settings["blocks"]

    def _shown(self, index: str) -> Body:
        body = copy.deepcopy(self.indices[index])
        return body | ({"data_stream": STREAM} if index in self.stream else {})

    def _explained(self, index: str) -> Body | None:
        if index not in self.indices:
            return None
        settings = self.indices[index]["settings"]["index"]
        begun = settings.get("lifecycle", {}).get("origination_date", settings["creation_date"])
        return {"indices": {index: {"managed": "lifecycle" in settings, "lifecycle_date_millis": int(begun)}}}

    def _modify(self, actions: list[Body]) -> None:
        """All or nothing; what leaves the stream is not hidden any more, and what enters it comes first."""
        stream = list(self.stream)
        for action in actions:
            ((what, about),) = action.items()
            index = about["index"]
            if what == "remove_backing_index":
                if index not in stream:
                    raise RejectedError(f"index [{index}] not found", status=400)
                if index == stream[-1]:
                    raise RejectedError(f"cannot remove [{index}]: it is the write index", status=400)
                stream.remove(index)
            else:
                self._there(index)
                stream.insert(0, index)
        for index in set(self.stream) - set(stream):
            self.indices[index]["settings"]["index"]["hidden"] = "false"
        self.stream = stream

    def _delete_index(self, index: str) -> None:
        self.indices.pop(index, None)
        self.documents.pop(index, None)
        self.stream = [name for name in self.stream if name != index]

    def _begin(self, body: Body) -> str:
        source, destination = body["source"]["index"], body["dest"]["index"]
        assert (body["conflicts"], body["dest"]["op_type"]) == ("proceed", "create")
        id_ = f"n:{len(self.writes)}"
        about = {
            "action": "indices:data/write/reindex",
            "description": f"reindex from [{source}] to [{destination}]",
            "status": {"created": 0},
        }
        self.tasks[id_] = {"task": about, "completed": False, "body": body}
        return id_

    def _task(self, id_: str) -> Any:
        """Whoever looks sees a batch more; a server that has started anew knows nothing of it."""
        self.looks += 1
        if self.looks == self.restart_at:
            self.tasks.clear()
        if id_ not in self.tasks:
            return None
        task = self.tasks[id_]
        if not task["completed"]:
            self._batch(task)
        return copy.deepcopy(task)

    def _batch(self, task: Body) -> None:
        body = task["body"]
        source, destination = body["source"]["index"], body["dest"]["index"]
        if source not in self.indices:
            task.update(completed=True, error={"type": "x", "reason": f"no such index [{source}]"})
            return
        if destination not in self.indices:  # as servers do, without any template
            self._create(destination, {"settings": {"index": {}}, "mappings": {"_meta": {}}})
        left = sorted(self.documents[source] - self.documents[destination])
        what = self.pipelines.get(body["dest"]["pipeline"])
        if what == "fail":
            failure = {"index": destination, "id": left[0], "cause": {"type": "x", "reason": "no luck"}}
            task.update(completed=True, response={"failures": [failure]})
            return
        if what != "drop":
            self.documents[destination] |= set(left[:BATCH])
            task["task"]["status"]["created"] += len(left[:BATCH])
        if what == "drop" or len(left) <= BATCH:
            task.update(completed=True, response={"failures": []})
