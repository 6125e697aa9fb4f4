"""What a server is found to be able to do, from its answers."""

from __future__ import annotations

from typing import Any, cast

import pytest

from toolkit.capabilities import of_elasticsearch, of_opensearch
from toolkit.client.connect import capabilities
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError

MODULES = [{"name": name} for name in ("x-pack-core", "x-pack-ilm", "data-streams", "transform")]


class _Server:
    """Answers by path; what it has no answer to, it refuses."""

    url = "http://server"

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ARG002
        if path not in self.answers:
            raise RejectedError(f"{self.url} answered 405 to GET {path}", status=405)
        return self.answers[path]

    def post(self, path: str, body: Any) -> Any:  # noqa: ARG002
        answer = self.answers.get(path, 400)
        if isinstance(answer, int):
            raise RejectedError(f"{self.url} answered {answer} to POST {path}", status=answer)
        return answer


def _server(*nodes: dict[str, Any], **version: str) -> Transport:
    answers: dict[str, Any] = {}
    if nodes:
        answers["/_nodes/plugins"] = {"nodes": {str(i): node for i, node in enumerate(nodes)}}
    if version:
        answers["/"] = {"version": version}
    return cast(Transport, _Server(answers))


def test_the_oldest_node_counts() -> None:
    nodes = ({"version": text, "modules": MODULES} for text in ("8.17.2", "8.9.0", "8.10.1"))
    assert capabilities(_server(*nodes, number="8.17.2")) == of_elasticsearch((8, 9, 0), newest=(8, 17, 2))


@pytest.mark.parametrize(
    ("version", "there"),
    [("8.3.3", False), ("8.18.9", False), ("8.19.0", True), ("9.0.8", False), ("9.1.0", True), ("9.5.3", True)],
)
def test_who_has_a_failure_store(version: str, there: bool) -> None:
    """9.0 is older than 8.19, and lacks it."""
    assert capabilities(_server({"version": version, "modules": MODULES}, number=version)).failure_store is there


def test_while_nodes_are_upgraded_there_is_no_failure_store_yet() -> None:
    for older, newer in (("8.18.4", "8.19.2"), ("9.0.3", "9.1.0")):
        nodes = ({"version": version, "modules": MODULES} for version in (older, newer))
        assert not capabilities(_server(*nodes, number=newer)).failure_store


def test_a_snapshot_has_the_version_that_it_leads_to() -> None:
    server = _server({"version": "9.5.3-SNAPSHOT", "modules": MODULES}, number="9.5.3-SNAPSHOT")
    assert capabilities(server) == of_elasticsearch((9, 5, 3))


def test_what_one_node_lacks_the_cluster_lacks() -> None:
    whole = {"version": "8.19.21", "modules": MODULES}
    lesser = {"version": "8.19.21", "modules": MODULES[:3]}
    assert capabilities(_server(whole, lesser, number="8.19.21")) == of_elasticsearch((8, 19, 21), transforms=False)


def test_a_server_that_refuses_only_its_root_is_known_by_its_nodes() -> None:
    """As Elasticsearch's test distribution does."""
    server = _server({"version": "8.19.21", "modules": MODULES[:1]})
    assert capabilities(server) == of_elasticsearch((8, 19, 21), ilm=False, transforms=False, data_stream_modify=False)


def test_a_server_that_refuses_everything_is_an_error() -> None:
    with pytest.raises(RejectedError, match="405 to GET /_nodes"):
        capabilities(_server())


def test_opensearch_is_known_by_its_distribution() -> None:
    server = _server({"version": "3.6.0", "modules": []}, number="3.6.0", distribution="opensearch")
    assert capabilities(server) == of_opensearch((3, 6, 0))


def test_an_elasticsearch_that_is_too_old_is_refused() -> None:
    with pytest.raises(RejectedError, match=r"runs Elasticsearch 8\.2\.3") as refusal:
        capabilities(_server({"version": "8.2.3", "modules": MODULES}, number="8.2.3"))
    assert "8.3" in (refusal.value.hint or "")


PRIVILEGES = "/_security/user/_has_privileges"


@pytest.mark.parametrize("manages", [True, False])
def test_an_administrator_is_known_by_what_the_credential_may_do(manages: bool) -> None:
    server = _server({"version": "8.17.2", "modules": MODULES}, number="8.17.2")
    cast(_Server, server).answers[PRIVILEGES] = {"cluster": {"manage_security": manages}}
    assert capabilities(server) == of_elasticsearch((8, 17, 2), security=True, manages_security=manages)


@pytest.mark.parametrize("status", [400, 405])
def test_where_security_is_off_nobody_answers_for_it(status: int) -> None:
    server = _server({"version": "8.17.2", "modules": MODULES}, number="8.17.2")
    cast(_Server, server).answers[PRIVILEGES] = status
    assert not capabilities(server).security


def test_a_credential_that_is_refused_is_no_sign_that_security_is_off() -> None:
    server = _server({"version": "8.17.2", "modules": MODULES}, number="8.17.2")
    cast(_Server, server).answers[PRIVILEGES] = 401
    with pytest.raises(RejectedError, match="401"):
        capabilities(server)


def test_serverless_is_refused_before_it_refuses_us() -> None:
    """It has no `/_nodes`."""
    with pytest.raises(RejectedError, match="Serverless, which is not supported"):
        capabilities(_server(number="8.11.0", build_flavor="serverless"))
