"""What every kind of resource can do; each kind says in a file of its own how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from toolkit import __version__
from toolkit.canonical import checksum
from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.request import Request
from toolkit.model import Body, Resource

MANAGED_BY = "ocs-elastic"
"""The mark of what is ours: only that is ever changed or deleted."""

OURS = "ocs-*"
"""Every name that the toolkit gives begins so."""

_SERVER_FIELDS = frozenset(
    {"created_date", "created_date_millis", "modified_date", "modified_date_millis", "created_by", "modified_by"}
)
"""What newer servers add to the bodies that they give back."""


class Kind:
    """A kind of resource, such as an ILM policy."""

    name: ClassVar[str]
    folder: ClassVar[str]
    """Where its files lie, from the repository's root."""
    path: ClassVar[str]
    """The REST path; `{name}` stands for the resource's name."""
    depends_on: ClassVar[tuple[str, ...]] = ()
    """The kinds that must be there first."""
    by_pattern: ClassVar[bool] = True
    """Whether one request tells of every resource of this kind that may be ours; else each is asked for by its name."""

    def url(self, name: str) -> str:
        """The path of one resource."""
        return self.path.format(name=quote(name, safe="@*"))

    def lacking(self, server: Capabilities) -> str:  # noqa: ARG002 - most kinds are everywhere
        """Why this kind cannot be had on a server, and what that means, in whole sentences; empty: it can."""
        return ""

    def validate(self, resource: Resource) -> list[str]:  # noqa: ARG002
        """Every reason for which no supported server would take the resource, before one is asked."""
        return []

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """The same resource with the sign that it is ours."""
        return replace(resource, body={**resource.body, "_meta": self.sign(resource, schema)})

    def sign(self, resource: Resource, schema: int) -> Body:
        """The sign that a resource is ours, wherever its kind keeps it."""
        return {
            "managed_by": MANAGED_BY,
            "toolkit_version": __version__,
            "schema": schema,
            **({"namespace": resource.namespace} if resource.namespace else {}),
            "checksum": checksum(resource.body),
        }

    def mark_of(self, body: Body) -> Body:
        """The sign that a live body carries; empty where it carries none of ours."""
        return of_ours(body.get("_meta"))

    def normalize(self, body: Body) -> Body:
        """The body as it compares: the same steps for what is desired and for what is live."""
        return comparable(body)

    def read(self, transport: Transport, name: str) -> Body | None:
        """The live body; None where there is none."""
        answer = transport.get(self.url(name))
        return None if answer is None else self.unwrap(answer).get(name)

    def live(self, transport: Transport) -> dict[str, Body]:
        """Every live resource of this kind that may be ours, and perhaps others, by name; only where `by_pattern`."""
        return self.unwrap(transport.get(self.url(OURS)) or {})

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """The bodies by name in the server's answer to a GET."""
        raise NotImplementedError

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create or replace the resource.

        Raises:
            RejectedError: the server refused it.
        """
        transport.put(self.url(resource.name), resource.body)

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """What `write` sends, as data, each request with the condition under which it is sent."""
        return (Request("PUT", self.url(resource.name), resource.body),)

    def delete(self, transport: Transport, name: str) -> None:
        """Remove the resource; one that is absent already is no error."""
        transport.delete(self.url(name))

    def meaning(self, action: str) -> str:  # noqa: ARG002
        """What `create`, `update` or `delete` of such a resource means for documents, in the operator's words."""
        return ""


def comparable(body: Body) -> Body:
    """Without what servers add, and without the toolkit's version, which is written for people and never compared."""
    body = {key: value for key, value in body.items() if key not in _SERVER_FIELDS}
    if isinstance(body.get("_meta"), dict):
        body["_meta"] = without_version(body["_meta"])
    return body


def of_ours(mark: Any) -> Body:
    """A mark if it is ours; otherwise empty."""
    return mark if isinstance(mark, dict) and mark.get("managed_by") == MANAGED_BY else {}


def without_version(mark: Body) -> Body:
    """A mark without the toolkit's version, as it compares."""
    return {key: value for key, value in mark.items() if key != "toolkit_version"}


def listed(answer: Body, plural: str, inner: str | None = None) -> dict[str, Body]:
    """The items by name in an answer such as `{"index_templates": [{"name": …, "index_template": …}]}`."""
    return {item.get("name", item.get("id")): item[inner] if inner else item for item in answer.get(plural, [])}


def flat_settings(settings: Body) -> Body:
    """Index settings with dotted keys that begin with `index.`, and every scalar as text: as servers keep them."""
    flat: Body = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix if prefix.startswith("index.") else f"index.{prefix}"] = as_text(value)

    walk("", settings)
    return flat


def as_text(value: Any) -> Any:
    """Scalars as the text that a server may give back for them; lists and objects with theirs."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) or value is None else str(value)


def normal_template(template: Body) -> Body:
    """The `template` part of component and index templates, as it compares; empty parts left out."""
    parts = {
        "settings": flat_settings(template.get("settings") or {}),
        "mappings": as_text(template.get("mappings") or {}),
    }
    rest = {key: value for key, value in template.items() if key not in parts}
    return {**rest, **{key: value for key, value in parts.items() if value}}
