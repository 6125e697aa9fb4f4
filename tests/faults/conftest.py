"""An engine that may be killed, with a namespace on it, and a wire before it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.faults.mortal import Node, mortal
from tests.faults.wire import PASS, Wire, wire
from tests.unit.commands import Command, command
from toolkit.apply import install
from toolkit.client.connect import capabilities, connect
from toolkit.config import Connection, Settings
from toolkit.uses.deployment import Deployment


@dataclass(frozen=True)
class Namespace:
    """A namespace that is installed on an engine that may be killed."""

    node: Node
    target: Deployment

    @property
    def name(self) -> str:
        return self.target.settings.namespace

    @property
    def stream(self) -> str:
        return f"ocs-campaign-groups-{self.name}"

    @property
    def dead_letters(self) -> str:
        return f"ocs-dead-letters-{self.name}"

    @property
    def path(self) -> str:
        """What OCS posts to, without the host."""
        return f"/{self.stream}/_doc"

    @property
    def url(self) -> str:
        return self.node.url + self.path


def deployed(node: Node, namespace: str) -> Deployment:
    """What a namespace of the engine should be; nothing is written."""
    about = node.ask("GET", "/")[1]["version"]
    connection = Connection(node.url, "the tests", embedded=about.get("distribution") == "opensearch")
    transport = connect(connection)
    return Deployment(transport, capabilities(transport), Settings(namespace=namespace))


def installed(node: Node) -> Namespace:
    """A new namespace, installed."""
    target = deployed(node, f"f_{secrets.token_hex(4)}")
    install(target.transport, target.resources)
    return Namespace(node, target)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    with mortal() as started:
        yield started


@pytest.fixture(scope="session")
def _session_wire(node: Node) -> Iterator[Wire]:
    with wire(node.url) as server:
        yield server


@pytest.fixture
def cable(_session_wire: Wire) -> Iterator[Wire]:
    """The wire before the engine, whole; each test leaves it so."""
    _session_wire.treat = lambda _request: PASS
    _session_wire.treated.clear()
    yield _session_wire
    _session_wire.treat = lambda _request: PASS


@pytest.fixture(scope="module")
def namespace(node: Node) -> Namespace:
    return installed(node)


@pytest.fixture
def ocs_elastic(
    cable: Wire, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Runs a command in this process; its way to the engine leads through the wire, and it waits 2 s for an answer."""
    import toolkit.config  # noqa: PLC0415

    ordinary = toolkit.config.load_connection
    monkeypatch.setattr(
        toolkit.config,
        "load_connection",
        lambda path, *, profile: replace(ordinary(path, profile=profile), request_timeout_s=2),
    )
    monkeypatch.setenv("OCS_ELASTIC_STATE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.json").write_text(json.dumps({"url": cable.url}), encoding="utf-8")
    run = command(monkeypatch, capsys)
    return lambda *arguments: run(*arguments, "--profile", "local")
