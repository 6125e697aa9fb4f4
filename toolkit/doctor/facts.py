"""What the checks look at: one namespace of one cluster and of its Kibana, each request sent once. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Lock
from time import time
from typing import Any

from toolkit.capabilities import Capabilities
from toolkit.client.kibana import Kibana
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.errors import RejectedError
from toolkit.model import Body, Resource
from toolkit.plan import Plan

_CLOCKS = "/_nodes/stats/fs"


class Facts:
    """Answers of a cluster and of its Kibana, asked for when a check needs them; checks may run at once."""

    def __init__(
        self,
        *,
        connection: Connection,
        transport: Transport,
        server: Capabilities,
        settings: Settings,
        resources: Sequence[Resource],
        kibana: Kibana | None,
        plan: Callable[[], Plan],
        plan_dashboards: Callable[[], Plan],
    ) -> None:
        self.connection = connection
        self.transport = transport
        """Sends nothing that writes."""
        self.server = server
        self.settings = settings
        self.resources = resources
        """Everything that should be on the cluster."""
        self.kibana = kibana
        self._plan, self._plan_dashboards = plan, plan_dashboards
        self._lock = Lock()
        self._asked: dict[str, Future[Any]] = {}

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The answer to a GET; None where the server has nothing there.

        Raises:
            UnreachableError, RejectedError: there is none; whoever asks again is told the same.
        """
        return self._once(f"{path} {params}", lambda: self.transport.get(path, dict(params) if params else None))

    @property
    def plan(self) -> Plan:
        """What would change on the cluster, Kibana left aside."""
        found: Plan = self._once("the plan", self._plan)
        return found

    @property
    def plan_dashboards(self) -> Plan:
        """What would change in Kibana."""
        found: Plan = self._once("the plan of dashboards", self._plan_dashboards)
        return found

    @property
    def kibana_version(self) -> str | None:
        """Kibana's version; None where no Kibana is known. One that is starting is not waited for."""
        kibana = self.kibana
        found: str | None = self._once("Kibana", lambda: kibana.version(within_s=0)) if kibana else None
        return found

    @property
    def namespace(self) -> str:
        """The namespace that is looked at."""
        return self.settings.namespace

    @property
    def streams(self) -> dict[str, Body]:
        """The data streams that are there, as the server describes them, by name."""
        names = [resource.name for resource in self.resources if resource.kind == "data_stream"]
        answers = {name: self.get(f"/_data_stream/{name}") for name in names}
        return {name: answer["data_streams"][0] for name, answer in answers.items() if answer}

    @property
    def indices(self) -> list[str]:
        """Every index that holds something of the namespace: those behind its streams, and the latest states."""
        behind = [index["index_name"] for stream in self.streams.values() for index in stream["indices"]]
        return behind + [name for name in self.names if name not in self.streams]

    @property
    def names(self) -> list[str]:
        """The streams and the index of the latest states, as far as they are there.

        For requests on everything: the names of all indices behind the streams may be longer than an address may be.
        """
        plain = [resource.name for resource in self.resources if resource.kind == "index"]
        return [*self.streams, *(name for name in plain if self.get(f"/{name}", _ONLY_UUID) is not None)]

    @property
    def write_indices(self) -> dict[str, str]:
        """Stream → the index that takes its next document."""
        return {name: stream["indices"][-1]["index_name"] for name, stream in self.streams.items()}

    @property
    def nodes(self) -> list[Body]:
        """Every node's statistics of its disk, with its name and its clock."""
        asked: tuple[Body, float, float] = self._once(_CLOCKS, self._ask_nodes)
        return list(asked[0]["nodes"].values())

    @property
    def asked_nodes_ms(self) -> tuple[float, float]:
        """This machine's clock when `nodes` was asked for, and when it was answered: milliseconds since 1970 UTC."""
        _, before_s, after_s = self._once(_CLOCKS, self._ask_nodes)
        return before_s * 1000, after_s * 1000

    @property
    def now_ms(self) -> int:
        """The time by the cluster's own clock: a clock here may be wrong."""
        return max(int(node["timestamp"]) for node in self.nodes)

    def _ask_nodes(self) -> tuple[Body, float, float]:
        path = "nodes.*.name,nodes.*.roles,nodes.*.timestamp,nodes.*.fs.total"
        before_s = time()
        answer = self.transport.get(_CLOCKS, {"filter_path": path}) or {}
        if not answer.get("nodes"):
            raise untold(self.transport.url, "its nodes", f"GET {_CLOCKS}")
        return answer, before_s, time()

    def _once(self, key: str, ask: Callable[[], Any]) -> Any:
        with self._lock:
            known = self._asked.get(key)
            future: Future[Any] = known or self._asked.setdefault(key, Future())
        if known is None:
            try:
                future.set_result(ask())
            except BaseException as error:  # it is raised below, and wherever else it was waited for
                future.set_exception(error)
        return future.result()


def untold(url: str, what: str, request: str) -> RejectedError:
    """The error that a server answers, but leaves out what was asked for, as something in between may do."""
    return RejectedError(
        f"{url} does not tell {what}", hint=f"compare the answer to {request} with that of a node asked directly"
    )


_ONLY_UUID = {"filter_path": "*.settings.index.uuid"}
