"""Requests to Kibana: its status, its spaces, and saved objects in one space.

The same way as to Elasticsearch: one connection's credential, proxy, trust and time-outs, over elastic-transport.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import quote, urlencode
from uuid import uuid4

from toolkit.client import kibana_guard as guard
from toolkit.client import kibana_refusal as refusal
from toolkit.config import Connection
from toolkit.config.secret import basic
from toolkit.errors import RejectedError, UnreachableError
from toolkit.model import SILENT, Body, Progress

if TYPE_CHECKING:
    from elastic_transport import Transport, TransportApiResponse

DEFAULT_SPACE = "default"
READY_WITHIN_S = 180.0
"""How long a Kibana that is starting is waited for: its first start on slow disks took two minutes."""
_LOOK_AGAIN_S = 2.0
_RETRIES = 2
_USERS = ("canvas-workpad", "dashboard", "graph-workspace", "lens", "map", "search", "visualization")
"""Kibana's types of what people make with a data view, and can be found by who may see it."""
_USERS_MAX = 100
_SIGN = "kbn-name"
"""The header by which Kibana's answers are known."""

Key = tuple[str, str]
"""Type and id of a saved object."""


class Kibana:
    """A connection to one space of a Kibana."""

    def __init__(self, transport: Transport, connection: Connection, *, space: str, read_only: bool) -> None:
        self._transport = transport
        self._connection = connection
        self._version: str | None = None
        self._answered = False
        """Whether anything has been answered at this address: then its scheme is right."""
        self.space = space
        self.read_only = read_only
        """Whether anything that writes is an error, and is not sent."""

    @property
    def url(self) -> str:
        """The address for people, without any credential."""
        return self._connection.url

    def in_space(self, space: str) -> Kibana:
        """The same Kibana, in another space."""
        other = Kibana(self._transport, self._connection, space=space, read_only=self.read_only)
        other._answered = self._answered
        return other

    def address(self, dashboard_id: str) -> str:
        """Where people find a dashboard."""
        return f"{self.url}{self._prefix}/app/dashboards#/view/{quote(dashboard_id)}"

    def version(
        self,
        progress: Progress = SILENT,
        *,
        within_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> str:
        """Its version, once it is ready; one that is starting is waited for.

        Args:
            progress: is told that it is waited for.
            within_s: how long at most; None: `READY_WITHIN_S`.
            sleep: waits that many seconds.

        Raises:
            UnreachableError: no answer, or it is not ready in time.
            UnsupportedServerError: it is no Kibana, too old or too new.
            RejectedError: it does not let in who is asking.
        """
        if self._version is None:
            self._version = self._ready(progress, READY_WITHIN_S if within_s is None else within_s, sleep)
        return self._version

    def has_space(self) -> bool:
        """Whether the space is there. An import into one that is not is answered by success, and found nowhere."""
        path = f"/api/spaces/space/{self.space}"
        answer = self._ask("GET", path)
        if answer.meta.status == 404 and _SIGN in answer.meta.headers:
            return False
        self._raise_for(answer, "GET", path)
        if not isinstance(answer.body, dict) or answer.body.get("id") != self.space:
            raise refusal.unlike_kibana(self.url, f"GET {path}", 200)
        return True

    def create_space(self) -> None:
        """Create the space; one that has appeared since is as good.

        Raises:
            RejectedError: this credential may not: it takes far more than saved objects do.
        """
        try:
            self._json("POST", "/api/spaces/space", {"id": self.space, "name": self.space})
        except RejectedError as error:
            if error.status == 403:
                raise RejectedError(error.reason, hint=refusal.no_new_space(self.space), status=403) from error
            if error.status != 409:
                raise

    def export(self, keys: Iterable[Key]) -> dict[Key, Body]:
        """The saved objects of those keys; those that are absent are left out.

        Kibana refuses to export anything where one is absent, and says which are.
        """
        wanted = list(keys)
        path = f"{self._prefix}/api/saved_objects/_export"
        while wanted:
            body = {"objects": [{"type": t, "id": i} for t, i in wanted], "excludeExportDetails": True}
            answer = self._ask("POST", path, body)
            if answer.meta.status == 200:
                found = _objects(answer.body)
                if found.keys() != set(wanted):  # what is absent is refused: an answer without it is somebody else's
                    raise refusal.unlike_kibana(self.url, f"POST {path}", 200)
                return found
            absent = _absent(answer.body)
            if answer.meta.status != 400 or not absent & set(wanted):
                raise self._rejected("POST", path, answer)
            wanted = [key for key in wanted if key not in absent]
        return {}

    def spaces_of(self, key: Key) -> list[str]:
        """The spaces that a saved object is in, `*` for all and `?` for one that is hidden; none where it is absent."""
        path = f"{self._prefix}/api/saved_objects/{key[0]}/{quote(key[1], safe='')}"
        found = self._json("GET", path, absent=True)
        if found is None:
            return []
        spaces = found.get("namespaces", [self.space])
        if (found.get("type"), found.get("id")) != key or not isinstance(spaces, list):
            raise refusal.unlike_kibana(self.url, f"GET {path}", 200)
        return list(map(str, spaces))

    def users_of(self, key: Key) -> list[tuple[Key, str]]:
        """The saved objects of this space that refer to one: their keys and titles, as far as one may see them.

        Those of types that this Kibana does not know, or does not show to who is asking, it leaves out.
        """
        reference = json.dumps({"type": key[0], "id": key[1]}, separators=(",", ":"))
        params: guard.Params = {
            "type": _USERS,
            "has_reference": reference,
            "fields": "title",
            "per_page": str(_USERS_MAX),
        }
        path = f"{self._prefix}/api/saved_objects/_find"
        lines = self._json("GET", path, params=params).get("saved_objects")
        found = _objects(lines)
        if not isinstance(lines, list) or len(found) != len(lines):
            raise refusal.unlike_kibana(self.url, f"GET {path}", 200)
        return [(key, str((each.get("attributes") or {}).get("title", key[1]))) for key, each in found.items()]

    def import_(self, ndjson: bytes) -> None:
        """Write saved objects, in the place of those that have their ids.

        Raises:
            RejectedError: not all of them were taken. Kibana's answer of status 200 may hold that.
            UnsupportedServerError: the answer is not Kibana's.
        """
        boundary = uuid4().hex
        name = 'form-data; name="file"; filename="objects.ndjson"'  # Kibana looks at the name's ending
        head = f"--{boundary}\r\nContent-Disposition: {name}\r\nContent-Type: application/ndjson\r\n\r\n"
        body = head.encode() + ndjson + f"\r\n--{boundary}--\r\n".encode()
        path, params = f"{self._prefix}/api/saved_objects/_import", {"overwrite": "true"}
        answer = self._ask("POST", path, body, params, content_type=f"multipart/form-data; boundary={boundary}")
        self._raise_for(answer, "POST", path)
        if not _is_imports(answer.body):
            raise refusal.unlike_kibana(self.url, f"POST {path}", answer.meta.status)
        if error := refusal.not_imported(self.url, answer.body):
            raise error

    def delete(self, key: Key) -> None:
        """Remove one saved object; one that is absent is no error."""
        self._json("DELETE", f"{self._prefix}/api/saved_objects/{key[0]}/{quote(key[1], safe='')}", absent=True)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def _prefix(self) -> str:
        return "" if self.space == DEFAULT_SPACE else f"/s/{self.space}"

    def _ready(self, progress: Progress, within_s: float, sleep: Callable[[float], None]) -> str:
        waited_s = 0.0
        while (version := self._status()) is None:
            if waited_s >= within_s:
                since = f"was not ready within {within_s:g} s" if within_s else "is not ready yet"
                raise UnreachableError(
                    f"{self.url} is Kibana, but {since}",
                    hint="see Kibana's log, and whether its Elasticsearch is well",
                )
            if waited_s == 0:
                progress.say(f"waiting for Kibana at {self.url}, which is starting")
            sleep(_LOOK_AGAIN_S)
            waited_s += _LOOK_AGAIN_S
        if error := refusal.unsupported(self.url, version):
            raise error
        return version

    def _status(self) -> str | None:
        """Its version; None while it is starting."""
        answer = self._ask("GET", "/api/status", retries=0)
        status, body, signed = answer.meta.status, answer.body, _SIGN in answer.meta.headers
        if status == 503 and (signed or "Kibana" in str(body)):
            return None
        if status in (401, 403, 407, 429, 502, 503, 504) or 300 <= status < 400:
            raise self._rejected("GET", "/api/status", answer)
        known = isinstance(body, dict) and "status" in body
        version = body.get("version") if known else None
        number = version.get("number") if isinstance(version, dict) else None
        if status == 200 and known and version is None and signed:
            raise refusal.redacted(self.url, self._connection)
        if status != 200 or refusal.numbers(number) is None:
            raise refusal.no_kibana(self.url, status, is_kibana=signed)
        return None if _level(body) in ("unavailable", "critical") else str(number)

    def _json(
        self, method: str, path: str, body: Any = None, params: guard.Params = None, *, absent: bool = False
    ) -> Any:
        """The answer's body, an object; None for 404, where that is an answer too."""
        answer = self._ask(method, path, body, params)
        if absent and answer.meta.status == 404 and _SIGN in answer.meta.headers:
            return None
        self._raise_for(answer, method, path)
        if not isinstance(answer.body, dict):
            raise refusal.unlike_kibana(self.url, f"{method} {path}", answer.meta.status)
        return answer.body

    def _raise_for(self, answer: TransportApiResponse, method: str, path: str) -> None:
        if not 200 <= answer.meta.status < 300:
            raise self._rejected(method, path, answer)

    def _rejected(self, method: str, path: str, answer: TransportApiResponse) -> RejectedError:
        return refusal.rejected(
            self.url,
            f"{method} {path}",
            answer.meta.status,
            answer.body,
            self._connection,
            leads_to=answer.meta.headers.get("location"),
        )

    def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: guard.Params = None,
        *,
        content_type: str = "application/json",
        retries: int = _RETRIES,
    ) -> TransportApiResponse:
        import elastic_transport  # noqa: PLC0415 - the client costs start-up time

        guard.check(method, path, params, read_only=self.read_only)
        headers = {"accept": "application/json, application/ndjson", "kbn-xsrf": "ocs-elastic"}
        headers |= {"content-type": content_type} if body is not None else {}
        headers |= _authorization(self._connection)
        target = f"{path}?{urlencode(params, doseq=True)}" if params else path
        repeated = retries if guard.repeatable(method, path, params) else 0
        try:
            answer = self._transport.perform_request(method, target, body=body, headers=headers, max_retries=repeated)
        except elastic_transport.SerializationError as error:
            raise refusal.unlike_kibana(self.url, f"{method} {path}", None) from error
        except elastic_transport.TransportError as error:
            from toolkit.client.failure import unreachable  # noqa: PLC0415

            proxy, timeout_s = self._connection.shown_proxy, self._connection.request_timeout_s
            raise unreachable(
                error,
                self.url,
                proxy=proxy,
                timeout_s=timeout_s,
                usual_port="Kibana's is usually 5601",
                answered=self._answered,
            ) from error
        self._answered = True
        return answer


def connect_kibana(connection: Connection, *, space: str | None = None, read_only: bool = False) -> Kibana | None:
    """The Kibana that goes with a cluster; None where no address is known. Nothing is sent yet.

    Args:
        connection: the cluster's.
        space: another space than the connection's.
        read_only: whether anything that writes shall be an error, and not be sent.

    Raises:
        ConfigurationError: the CA file cannot be used.
    """
    if connection.kibana_url is None:
        return None
    import elastic_transport  # noqa: PLC0415

    from toolkit.client.node import Node, nodes  # noqa: PLC0415

    trust: dict[str, Any] = {}
    if connection.kibana_url.startswith("http:"):  # whose certificate is trusted says nothing there
        trust = {"ca_file": None, "fingerprint": None}
    there = replace(connection, url=connection.kibana_url, others=(), **trust)
    transport = elastic_transport.Transport(
        [node.replace(request_timeout=there.request_timeout_s) for node in nodes(there)],
        node_class=Node,
        serializers=_serializers(),
        meta_header=False,
    )
    return Kibana(transport, there, space=space or connection.kibana_space, read_only=read_only)


def _serializers() -> dict[str, Any]:
    """How bodies are read and written: multipart ones are bytes already, and exports are lines."""
    from elastic_transport import JsonSerializer, NdjsonSerializer, TextSerializer  # noqa: PLC0415

    text = TextSerializer()
    return {
        "application/json": JsonSerializer(),
        "application/ndjson": NdjsonSerializer(),
        "multipart/form-data": text,
        "text/*": text,
    }


def _authorization(connection: Connection) -> dict[str, str]:
    if connection.api_key:
        return {"authorization": f"ApiKey {connection.api_key}"}
    if connection.username:
        return {"authorization": basic(connection.username, connection.password or "")}
    return {}


def _level(status: Body) -> str:
    overall = status["status"].get("overall") if isinstance(status["status"], dict) else None
    return str(overall.get("level", "")) if isinstance(overall, dict) else ""


def _objects(body: Any) -> dict[Key, Body]:
    """The saved objects of an export; none where one of its lines is something else."""
    lines = _mappings(body) or []
    found = {key: line for line in lines if _is_key(key := (line.get("type"), line.get("id")))}
    return found if len(found) == len(lines) else {}


def _absent(body: Any) -> set[Key]:
    """The keys that a refused export names as absent."""
    attributes = body.get("attributes") if isinstance(body, dict) else None
    objects = _mappings(attributes.get("objects")) if isinstance(attributes, dict) else None
    errors = [((o.get("type"), o.get("id")), o.get("error")) for o in objects or []]
    return {key for key, e in errors if _is_key(key) and isinstance(e, dict) and e.get("statusCode") == 404}


def _is_imports(body: Any) -> bool:
    """Whether it has the shape of Kibana's answer to an import."""
    lists = (body.get(name, []) for name in ("errors", "successResults")) if isinstance(body, dict) else [None]
    return all(_mappings(each) is not None for each in lists) and isinstance(body.get("success"), bool)


def _mappings(value: Any) -> list[Body] | None:
    """A list of objects as it is; None for anything else."""
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None


def _is_key(key: tuple[Any, Any]) -> TypeGuard[Key]:
    return all(isinstance(part, str) for part in key)
