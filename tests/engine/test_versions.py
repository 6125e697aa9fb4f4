"""What changes a cluster asks first who has set it up, and of which versions its nodes are."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from tests.unit.commands import Command, command
from toolkit.config import Settings
from toolkit.errors import UnsafePlanError
from toolkit.kinds import KIND
from toolkit.lock import INDEX
from toolkit.model import Resource
from toolkit.questions.dead_letters import Selection
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal
from toolkit.uses.migrate import declare, forecast, repair, up
from toolkit.uses.relabel import relabel, survey
from toolkit.uses.replay import replay, simulated, waiting
from toolkit.versions import refuse_newer


@pytest.fixture
def stream(engine: Engine) -> Iterator[Stream]:
    """A namespace of its own."""
    yield from installed(engine, Settings(namespace=f"versions_{secrets.token_hex(4)}"))
    engine.transport.delete(f"/{INDEX}")


@pytest.fixture
def target(stream: Stream) -> Deployment:
    return Deployment(stream.engine.transport, stream.engine.server, stream.settings)


def of_a_newer_toolkit(pipeline: Resource) -> Resource:
    """The same, but for what its mark says; on OpenSearch the last line of the description is the mark."""
    old, new = f"schema={CATALOGUE.schema} ", f"schema={CATALOGUE.schema + 1} "
    body = {**pipeline.body, "description": pipeline.body["description"].replace(old, new)}
    if "_meta" in body:
        body["_meta"] = {**body["_meta"], "schema": CATALOGUE.schema + 1}
    return replace(pipeline, body=body)


@pytest.fixture
def older(target: Deployment) -> Iterator[Deployment]:
    """The namespace, as a toolkit sees it that is older than what has set up its cluster."""
    kind = KIND["ingest_pipeline"]
    pipelines = [resource for resource in target.resources if resource.kind == kind.name]
    for pipeline in pipelines:
        kind.write(target.transport, of_a_newer_toolkit(pipeline))
    yield target
    for pipeline in pipelines:
        kind.write(target.transport, pipeline)


def _streams(target: Deployment) -> tuple[str, ...]:
    return tuple(resource.name for resource in target.resources if resource.kind == "data_stream")


REFUSED: dict[str, Callable[[Deployment], object]] = {
    "apply": lambda target: list(target.apply(target.plan())),
    "dashboards import": lambda target: list(target.import_dashboards(target.plan_dashboards())),
    "destroy": lambda target: list(destroy(target, removal(target, ()))),
    "destroy --data": lambda target: list(destroy(target, removal(target, _streams(target)))),
    "failures replay": lambda target: replay(target, Selection()),
    "failures replay, before": lambda target: waiting(target, Selection()),
    "failures replay --dry-run": lambda target: simulated(target, Selection()),
    "migrate baseline": lambda target: list(declare(target, 1)),
    "migrate repair": repair,
    "migrate up": lambda target: list(up(target)),
    "migrate up --dry-run": forecast,
    "relabel": relabel,
    "relabel --dry-run": survey,
    "whatever else": lambda target: refuse_newer(target.transport, CATALOGUE.schema),
}


@pytest.mark.parametrize("command", REFUSED)
def test_bad_an_older_toolkit(older: Deployment, command: str) -> None:
    before = _state(older)
    with pytest.raises(UnsafePlanError, match="set up by a newer toolkit: schema") as refusal:
        REFUSED[command](older)
    assert "install ocs-elastic-toolkit" in str(refusal.value.hint)
    assert _state(older) == before


@pytest.mark.parametrize(
    "command", ["failures replay", "migrate repair", "migrate up", "relabel", "relabel --dry-run", "whatever else"]
)
def test_the_toolkit_that_has_set_it_up_is_not_refused(target: Deployment, command: str) -> None:
    REFUSED[command](target)


def _state(target: Deployment) -> list[object]:
    return [KIND[resource.kind].read(target.transport, resource.name) for resource in target.resources]


def test_a_mixed_cluster_is_changed_only_with_consent(target: Deployment) -> None:
    """Whose plan is the same, so that what was looked at is what is done."""
    target = replace(target, settings=replace(target.settings, refresh_interval_s=3))
    server = replace(target.server, newest=(99, 0, 0))
    refused = replace(target, server=server)
    allowed = replace(refused, allow_mixed=True)
    plan = refused.plan()
    assert [problem.reason for problem in plan.problems] == [
        f"the cluster's nodes have different versions: the oldest is {server}, the newest 99.0.0"
    ]
    with pytest.raises(UnsafePlanError, match=r"the newest 99\.0\.0"):
        list(refused.apply(plan))
    assert refused.plan().changes == plan.changes, "nothing was done"
    assert allowed.plan().checksum == plan.checksum
    list(allowed.apply(allowed.plan()))
    assert not target.plan().pending


@pytest.fixture
def ocs_elastic(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Commands that find the engine's newest node newer than its oldest."""
    connection, server = stream.engine.connection, replace(stream.engine.server, newest=(99, 0, 0))
    monkeypatch.setattr("toolkit.uses.deployment.capabilities", lambda _: server)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCS_ELASTIC_STATE", str(tmp_path))
    monkeypatch.setenv("OCS_ELASTIC_NAMESPACE", stream.settings.namespace)
    if connection.embedded:
        (tmp_path / "local.json").write_text(json.dumps({"url": connection.url}), encoding="utf-8")
        monkeypatch.setenv("OCS_ELASTIC_PROFILE", "local")
    else:
        monkeypatch.setenv("ELASTICSEARCH_URL", connection.url)
    if connection.username:
        monkeypatch.setenv("ELASTICSEARCH_USERNAME", connection.username)
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", connection.password or "")
    return command(monkeypatch, capsys)


def test_migrate_up_takes_it_too(ocs_elastic: Command) -> None:
    for arguments in (["--dry-run"], ["--yes"]):
        refused = ocs_elastic("migrate", "up", *arguments)
        assert refused.code == 1
        assert "the cluster's nodes have different versions" in refused.err
        assert "--allow-mixed" in refused.err
        assert ocs_elastic("migrate", "up", "--allow-mixed", *arguments).code == 0
    assert ocs_elastic("migrate", "status").code == 0, "which only reads"


def test_to_doctor_it_is_a_warning_and_no_clash(ocs_elastic: Command) -> None:
    """So that bootstrap, which ends at what is critical, leaves it to the plan and its flag."""
    assert "no template, index or schema stands in the way" in ocs_elastic("doctor").out


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--yes"], ["bootstrap", "--yes", "--no-credentials"]])
def test_plan_apply_and_bootstrap_take_the_same_flag(ocs_elastic: Command, arguments: list[str]) -> None:
    refused = ocs_elastic(*arguments)
    assert refused.code == 1
    assert "PROBLEM: the cluster's nodes have different versions" in refused.out
    assert "--allow-mixed" in refused.out
    allowed = ocs_elastic(*arguments, "--allow-mixed")
    assert allowed.code == 0, allowed.err
    assert "PROBLEM" not in allowed.out
