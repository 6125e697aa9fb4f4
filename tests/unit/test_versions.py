"""A cluster in the middle of an upgrade, and one that a newer toolkit has set up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from toolkit.capabilities import Capabilities, of_elasticsearch, of_opensearch
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import UnsafePlanError
from toolkit.kinds import KIND
from toolkit.live import Live
from toolkit.load import desired
from toolkit.model import Body
from toolkit.plan import Plan, make_plan
from toolkit.versions import mixed, newer, newer_toolkit, refuse_mixed, refuse_newer

ONE = of_elasticsearch((8, 17, 2))
MIXED = of_elasticsearch((8, 9, 0), newest=(8, 17, 2))


def plan(server: Capabilities = ONE, *, schema: int = 1, allow_mixed: bool = False, **owned: Body) -> Plan:
    """Of a cluster where everything is as it should be."""
    resources = desired(Settings(), ONE)
    bodies: dict[tuple[str, str], Body | None] = {(each.kind, each.name): each.body for each in resources}
    marked: dict[tuple[str, str], Body] = {("ingest_pipeline", name): body for name, body in owned.items()}
    live = Live("c", "id", "http://es:9200", server, bodies, marked, {})
    return make_plan(resources, live, "default", schema=schema, allow_mixed=allow_mixed)


def mark(schema: Any, version: str = "7.1.0") -> Body:
    return {"managed_by": "ocs-elastic", "toolkit_version": version, "schema": schema}


def test_one_version_is_no_problem() -> None:
    assert mixed(ONE) is mixed(of_opensearch((3, 6, 0))) is None
    refuse_mixed(ONE, allowed=False)
    assert plan().problems == ()


def test_nodes_of_different_versions_are_named_with_what_to_do() -> None:
    (problem,) = plan(MIXED).problems
    assert "the oldest is elasticsearch 8.9.0, the newest 8.17.2" in problem.reason
    assert "finish the upgrade" in problem.hint
    assert "--allow-mixed" in problem.hint
    with pytest.raises(UnsafePlanError, match=r"oldest is elasticsearch 8\.9\.0"):
        plan(MIXED).raise_if_unsafe(adopt=False)
    with pytest.raises(UnsafePlanError) as refusal:
        refuse_mixed(MIXED, allowed=False)
    assert (refusal.value.reason, refusal.value.hint) == (problem.reason, problem.hint)


def test_with_consent_it_is_the_same_plan_without_the_problem() -> None:
    allowed = plan(MIXED, allow_mixed=True)
    assert allowed.problems == ()
    assert allowed.changes == plan(MIXED).changes
    assert allowed.checksum == plan(MIXED).checksum
    refuse_mixed(MIXED, allowed=True)


def test_a_patch_is_another_version_too() -> None:
    assert mixed(replace(ONE, newest=(8, 17, 3))) is not None


@pytest.mark.parametrize("schema", [2, "2"])  # on OpenSearch a pipeline's mark is text
def test_what_a_newer_toolkit_has_set_up_is_left_to_it(schema: Any) -> None:
    error = newer([mark(1, "0.1.0"), mark(schema), {}], known=1)
    assert error is not None
    assert error.reason == "the cluster was set up by a newer toolkit: schema 2, and this one knows 1"
    assert error.hint is not None
    assert "install ocs-elastic-toolkit 7.1.0 or newer" in error.hint
    (problem,) = plan(one={"_meta": mark(1)}, other={"_meta": mark(schema)}).problems
    assert (problem.reason, problem.hint) == (error.reason, error.hint)


@pytest.mark.parametrize("marks", [[], [{}], [mark(1)], [mark("x")], [mark(None)], [mark(1), mark(0)]])
def test_what_is_no_newer_is_no_hindrance(marks: list[Body]) -> None:
    assert newer(marks, known=1) is None


def test_a_mark_that_does_not_name_its_toolkit_is_refused_too() -> None:
    error = newer([{"managed_by": "ocs-elastic", "schema": 9}], known=1)
    assert error is not None
    assert "install the newer" in str(error.hint)


class _Pipelines:
    """A cluster that is asked for its pipelines and nothing else."""

    def __init__(self, answer: Body | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ARG002
        self.asked.append(path)
        return self.answer


@pytest.mark.parametrize("server", [ONE, of_opensearch((3, 6, 0))], ids=str)
def test_one_request_tells_it(server: Capabilities) -> None:
    pipelines = [each for each in desired(Settings(), server) if each.kind == "ingest_pipeline"]
    kind = KIND["ingest_pipeline"]
    (schema,) = {int(kind.mark_of(each.body)["schema"]) for each in pipelines}
    shown = {each.name: {k: v for k, v in each.body.items() if k in ("_meta", "description")} for each in pipelines}
    cluster = _Pipelines(shown)
    refuse_newer(cast(Transport, cluster), schema)
    assert cluster.asked == ["/_ingest/pipeline/ocs-*"]
    with pytest.raises(UnsafePlanError, match=f"schema {schema}, and this one knows {schema - 1}"):
        refuse_newer(cast(Transport, cluster), schema - 1)


@pytest.mark.parametrize("answer", [None, {}, {"ocs-mine": {"description": "somebody else's\nschema=9"}}])
def test_where_nothing_is_ours_nobody_has_set_it_up(answer: Body | None) -> None:
    assert newer_toolkit(cast(Transport, _Pipelines(answer)), 1) is None
