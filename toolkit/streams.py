"""The two data streams of a namespace: their names, and whether they are there."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.client.transport import Transport
from toolkit.errors import ToolkitError


@dataclass(frozen=True, slots=True)
class Streams:
    """The names of a namespace's data streams."""

    namespace: str

    @property
    def campaign_groups(self) -> str:
        """Where OCS posts to."""
        return f"ocs-campaign-groups-{self.namespace}"

    @property
    def dead_letters(self) -> str:
        """Where the pipeline puts what it could not understand."""
        return f"ocs-dead-letters-{self.namespace}"

    @property
    def both(self) -> tuple[str, str]:
        """The names of the two."""
        return self.campaign_groups, self.dead_letters

    @property
    def current_state(self) -> str:
        """The index with the latest message of each campaign group; only servers with transforms have it."""
        return f"ocs-current-state-{self.namespace}"

    def backing(self, transport: Transport, name: str) -> list[str]:
        """The indices behind a data stream now, the oldest first."""
        streams = (transport.get(f"/_data_stream/{name}") or {}).get("data_streams", [])
        return [index["index_name"] for stream in streams for index in stream["indices"]]

    def require(self, transport: Transport) -> None:
        """Ask whether both are there.

        Raises:
            ToolkitError: one is not.
            UnreachableError, RejectedError: the server does not say.
        """
        for name in self.both:
            if transport.get(f"/_data_stream/{name}") is None:
                raise ToolkitError(
                    f"no data stream '{name}' on {transport.url}",
                    hint=f"`ocs-elastic apply` installs namespace '{self.namespace}'; --namespace names another; "
                    "on the embedded engine, `ocs-elastic demo --keep` installs 'demo'",
                )
