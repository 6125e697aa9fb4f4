"""What every kind of resource can do; each kind says in a file of its own how."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from toolkit import __version__
from toolkit.canonical import checksum
from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.model import Body, Resource


class Kind:
    """A kind of resource, such as an ILM policy."""

    name: ClassVar[str]
    folder: ClassVar[str]
    """Where its files lie, from the repository's root."""
    path: ClassVar[str]
    """The REST path; `{name}` stands for the resource's name."""
    depends_on: ClassVar[tuple[str, ...]] = ()
    """The kinds that must be there first."""

    def url(self, name: str) -> str:
        """The path of one resource."""
        return self.path.format(name=quote(name, safe="@"))

    def available(self, capabilities: Capabilities) -> bool:  # noqa: ARG002 - most kinds are everywhere
        """Whether the server has this kind at all."""
        return True

    def validate(self, resource: Resource) -> list[str]:  # noqa: ARG002
        """Every reason for which no supported server would take the resource, before one is asked."""
        return []

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """The same resource with the sign that it is ours."""
        mark = {
            "managed_by": "ocs-elastic",
            "toolkit_version": __version__,
            "schema": schema,
            "checksum": checksum(resource.body),
        }
        return Resource(resource.kind, resource.name, {**resource.body, "_meta": mark}, resource.source)

    def read(self, transport: Transport, name: str) -> Body | None:
        """The live body; None where there is none."""
        answer = transport.get(self.url(name))
        return None if answer is None else self.unwrap(answer, name)

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """The body inside the server's answer to a GET."""
        raise NotImplementedError

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create or replace the resource.

        Raises:
            RejectedError: the server refused it.
        """
        transport.put(self.url(resource.name), resource.body)

    def delete(self, transport: Transport, name: str) -> None:
        """Remove the resource; one that is absent already is no error."""
        transport.delete(self.url(name))


def listed(answer: Body, plural: str, name: str, inner: str | None = None) -> Body | None:
    """The item of that name in an answer such as `{"index_templates": [{"name": …, "index_template": …}]}`."""
    for item in answer.get(plural, []):
        if item.get("name", item.get("id")) == name:
            found: Body = item[inner] if inner else item
            return found
    return None
