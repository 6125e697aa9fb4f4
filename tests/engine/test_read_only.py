"""What only reads, only reads: seen by a proxy between the command and the engine, and by the engine's own state."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.engine.proxy import Proxy, proxy
from tests.running import Engine, Stream, installed
from toolkit.cli.main import app
from toolkit.client.guard import writes
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError

READS: dict[str, list[list[str]]] = {
    "plan": [[], ["--format", "markdown"], ["--json"]],
    "doctor": [[], ["--json"], ["--check"]],
    "status": [[], ["--json"], ["--check", "--since", "7d", "--threshold", "dead_letters=5,10"]],
    "failures list": [[], ["--json"], ["--reason", "not a message", "--last", "7d"]],
    "failures show": [["{dead_letter}"], ["{dead_letter}", "--json"]],
    "failures replay": [["--dry-run"], ["--dry-run", "--json"]],
    "report": [[], ["--json", "--last", "7d", "--timezone", "Europe/Berlin"]],
    "options": [[], ["--json"], ["--format", "nginx"]],
    "relabel": [["--dry-run"], ["--dry-run", "--json"]],
    "migrate status": [[], ["--json"]],
    "migrate up": [["--dry-run"], ["--dry-run", "--json"]],
    "migrate repair": [["--dry-run"], ["--dry-run", "--json"]],
    "render": [[], ["--format", "curl"], ["--format", "console"]],
    "sizing": [["--measure"], ["--measure", "--json"]],
}
"""Every command that only reads, with the arguments of each way to run it."""

WRITES = {
    "apply", "bootstrap", "verify", "simulate", "destroy", "dashboards import",
    "credentials create", "credentials rotate", "credentials revoke", "migrate baseline", "migrate unlock",
}  # fmt: skip
OTHERWISE = {"init", "dashboards lint", "migrate new"}
"""These never speak to a cluster."""
OF_OCS = {"listen"}
"""This one reads only when somebody sends it something, so it has a test of its own."""
OWN_ENGINE = {"demo", "local up", "local down", "local status"}
"""These speak to an engine that they start themselves."""

OF_KIBANA = {"dashboards plan", "dashboards export"}
"""These read from a Kibana too, so `tests/unit/test_dashboards.py` watches them at both servers."""

Ocs = Callable[..., subprocess.CompletedProcess[str]]


def commands(group: typer.core.TyperGroup | None = None, *before: str) -> Iterator[str]:
    """Every command of the toolkit as it is typed."""
    for name, command in (group or _root()).commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *before, name)
        else:
            yield " ".join([*before, name])


def _root() -> typer.core.TyperGroup:
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    return root


RUNS = [(command, arguments) for command in commands() for arguments in READS.get(command, [])]


def test_every_command_is_known_to_read_or_to_write() -> None:
    """A new command has to be named here, so that none can forget this test."""
    assert set(commands()) <= READS.keys() | WRITES | OTHERWISE | OF_OCS | OWN_ENGINE | OF_KIBANA


@pytest.fixture(scope="module")
def watched(engine: Engine) -> Iterator[Proxy]:
    with proxy(engine.connection.url) as found:
        yield found


@pytest.fixture(scope="module")
def used(engine: Engine) -> Iterator[Stream]:
    """A namespace that is installed and has had two messages, one of them a dead letter."""
    for stream in installed(engine, Settings(namespace=f"read_{secrets.token_hex(4)}", refresh_interval_s=1)):
        for message in ('{"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}', '{"nothing": "of OCS"}'):
            assert stream.post(message)[0] == 201
        assert stream.count(stream.name) == stream.count(stream.dead_letters) == 1
        yield stream


Way = tuple[list[str], dict[str, str]]


@pytest.fixture
def way(engine: Engine, watched: Proxy, tmp_path: Path) -> Way:
    """The arguments and the environment by which a command's way to the engine leads through the proxy."""
    environment = {**os.environ, "OCS_ELASTIC_STATE": str(tmp_path), "NO_COLOR": "1"}
    arguments = []
    if engine.connection.embedded:
        (tmp_path / "local.json").write_text(json.dumps({"url": watched.url}), encoding="utf-8")
        arguments = ["--profile", "local"]
    else:
        environment["ELASTICSEARCH_URL"] = watched.url
    if engine.connection.username:
        environment["ELASTICSEARCH_USERNAME"] = engine.connection.username
        environment["ELASTICSEARCH_PASSWORD"] = engine.connection.password or ""
    return arguments, environment


@pytest.fixture
def ocs_elastic(way: Way, watched: Proxy, tmp_path: Path) -> Ocs:
    """Runs a command in a process of its own, whose way to the engine leads through the proxy."""
    arguments, environment = way

    def run(command: str, *more: str, connected: bool = True) -> subprocess.CompletedProcess[str]:
        watched.passed.clear()
        line = [sys.executable, "-m", "toolkit", *command.split(), *more, *(arguments if connected else [])]
        return subprocess.run(
            line, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize(("command", "arguments"), RUNS, ids=lambda value: value if isinstance(value, str) else None)
def test_a_command_that_reads_sends_nothing_else_and_changes_nothing(
    used: Stream, watched: Proxy, ocs_elastic: Ocs, command: str, arguments: Sequence[str]
) -> None:
    """In a namespace that is installed, and in one where everything is still to be done."""
    (letter,) = used.engine.transport.post(f"/{used.dead_letters}/_search", {})["hits"]["hits"]
    arguments = [argument.format(dead_letter=letter["_id"]) for argument in arguments]
    for namespace in (used.settings.namespace, "nobody_was_here"):
        before = state(used.engine.transport)
        done = ocs_elastic(command, "--namespace", namespace, *arguments)
        assert "Traceback" not in done.stderr
        assert done.returncode in (0, 1, 3) or "--check" in arguments, done.stderr  # where 2 is critical
        assert bool(watched.passed) is (command != "options"), done.stderr
        assert [request for request in watched.passed if writes(*request)] == []
        assert state(used.engine.transport) == before


def test_listen_asks_for_a_document_and_changes_nothing(used: Stream, watched: Proxy, way: Way, tmp_path: Path) -> None:
    """In a namespace that is not installed: nothing needs to be there."""
    arguments, environment = way
    before = state(used.engine.transport)
    watched.passed.clear()
    line = [sys.executable, "-m", "toolkit", "listen", "--port", "0", "--count", "1", "--json", *arguments]
    with subprocess.Popen(
        [*line, "--namespace", "nobody_was_here"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        uri = process.stderr.readline().split(" = ")[-1].strip()
        headers = {"Content-Type": "application/json"}
        body = b'{"GSW_CAMPAIGN_GROUP_STATE": "5", "GSW_NEWS": 1}'
        with urllib.request.urlopen(urllib.request.Request(uri, data=body, headers=headers), timeout=30) as answer:
            assert answer.status == 201
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    document = json.loads(out.splitlines()[0])["document"]
    assert document["index"] == "ocs-campaign-groups-nobody_was_here"
    assert document["source"]["ocs"]["campaign_group"] == {"state": {"code": 5, "label": "Running"}}
    assert document["source"]["ocs"]["extra"] == {"GSW_NEWS": 1}
    assert ("POST", "/_ingest/pipeline/_simulate") in {(request.method, request.path) for request in watched.passed}
    assert [request for request in watched.passed if writes(*request)] == []
    assert state(used.engine.transport) == before


def test_a_plan_that_has_problems_changes_nothing_either(used: Stream, watched: Proxy, ocs_elastic: Ocs) -> None:
    transport = used.engine.transport
    transport.put("/ocs-campaign-groups-nobody_was_here", None)
    try:
        before = state(transport)
        done = ocs_elastic("plan", "--namespace", "nobody_was_here")
        assert done.returncode == 1, done.stderr
        assert watched.passed
        assert [request for request in watched.passed if writes(*request)] == []
        assert state(transport) == before
    finally:
        transport.delete("/ocs-campaign-groups-nobody_was_here")


@pytest.mark.parametrize("command", ["", *commands()])
def test_help_asks_no_server(watched: Proxy, ocs_elastic: Ocs, command: str) -> None:
    done = ocs_elastic(command, "--help", connected=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout
    assert watched.passed == []


def test_what_is_not_confirmed_is_not_written(used: Stream, watched: Proxy, ocs_elastic: Ocs) -> None:
    """Without `--yes`, and with nobody to ask, what changes a cluster stops after the look at it."""
    before = state(used.engine.transport)
    for command, namespace in (("apply", "nobody_was_here"), ("destroy", used.settings.namespace)):
        data = ["--data", used.name, "--data", used.dead_letters] if command == "destroy" else []
        done = ocs_elastic(command, "--namespace", namespace, *data)
        assert done.returncode == 2, done.stderr
        assert watched.passed
        assert [request for request in watched.passed if writes(*request)] == []
    assert state(used.engine.transport) == before


def test_the_proxy_and_the_state_would_tell(used: Stream, watched: Proxy, ocs_elastic: Ocs) -> None:
    """A command that writes is noticed in both ways, so the tests above can fail."""
    before = state(used.engine.transport)
    done = ocs_elastic("verify", "--namespace", used.settings.namespace)
    assert done.returncode == 0, done.stderr
    written = [request for request in watched.passed if writes(*request)]
    assert {request.method for request in written} == {"POST", "DELETE"}
    after = state(used.engine.transport)
    assert [part for part in after if after[part] != before[part]] == [_FIGURES]


def state(transport: Transport) -> dict[str, Any]:
    """All that a cluster holds, as JSON, without what servers change by themselves."""
    return {path: _steady(_answer(transport, path)) for path in _STATE}


_INDICES = "/*,-.*,-ilm-history-*,.ds-ocs-*"  # the server's own hidden ones change by themselves
_FIGURES = f"{_INDICES}/_stats/docs,indexing"
_STATE = (
    "/_index_template",
    "/_component_template",
    "/_ingest/pipeline",
    "/_data_stream",
    "/_ilm/policy",
    "/_transform",
    "/_transform/_stats",
    "/_security/role",
    "/_security/user",
    "/_security/api_key",
    _INDICES,
    _FIGURES,
)


def _answer(transport: Transport, path: str) -> Any:
    """What a server answers; None where it lacks such things."""
    try:
        return transport.get(path, params={"expand_wildcards": "all"} if path.startswith(_INDICES) else None)
    except RejectedError:
        return None


def _steady(answer: Any) -> Any:
    """Of figures and states only what changes by a request alone."""
    if isinstance(answer, dict) and "_shards" in answer:  # the latest-state index is the transform's to write, any time
        return {
            name: _operations(figures)
            for name, figures in answer["indices"].items()
            if not name.startswith("ocs-current-state-")
        }
    if isinstance(answer, dict) and any("checkpointing" in item for item in answer.get("transforms", [])):
        return {item["id"]: item["state"].replace("indexing", "started") for item in answer["transforms"]}
    return answer


def _operations(figures: Any) -> dict[str, int]:
    """Sizes change by a merge alone; these do not."""
    indexing = figures["primaries"]["indexing"]
    done = {operation: indexing[f"{operation}_total"] for operation in ("index", "delete")}
    return {"documents": figures["primaries"]["docs"]["count"], **done}
