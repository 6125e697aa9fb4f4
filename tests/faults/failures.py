"""A pipeline that fails for some messages, so that there are dead letters which can be replayed when it is mended."""

from __future__ import annotations

from tests.faults.account import NUMBER
from tests.faults.conftest import Namespace
from tests.faults.mortal import Node
from tests.faults.operator import Operator

_PIPELINE = "/_ingest/pipeline/ocs-campaign-groups"


def break_pipeline(node: Node) -> None:
    """From now on every tenth numbered message becomes a dead letter, whatever it is."""
    body = node.ask("GET", _PIPELINE)[1]["ocs-campaign-groups"]
    tenth = f"ctx.{NUMBER} instanceof Integer && ctx.{NUMBER} % 10 == 0"
    body["processors"].insert(0, {"fail": {"if": tenth, "message": "broken by the test"}})
    status, answer = node.ask("PUT", _PIPELINE, body)
    assert status == 200, answer


def mend_pipeline(operator: Operator) -> None:
    """By the toolkit's own means."""
    done = operator.run("apply", "--yes")
    assert done.code == 0, done


def counts(namespace: Namespace) -> tuple[int, int]:
    """Documents in the stream, and dead letters."""
    node = namespace.node
    assert node.ask("POST", f"/{namespace.stream},{namespace.dead_letters}/_refresh")[0] == 200
    stream, letters = (node.ask("GET", f"/{name}/_count")[1] for name in (namespace.stream, namespace.dead_letters))
    return int(stream["count"]), int(letters["count"])


def forget_marks(namespace: Namespace) -> int:
    """Every dead letter waits again, as if each replay had been ended right before its mark; how many there are."""
    script = "if (ctx._source.ocs != null) ctx._source.ocs.remove('replay')"
    path = f"/{namespace.dead_letters}/_update_by_query?pipeline=_none&refresh=true"
    status, answer = namespace.node.ask("POST", path, {"script": script}, timeout_s=300)
    assert status == 200, answer
    return int(answer["updated"])
