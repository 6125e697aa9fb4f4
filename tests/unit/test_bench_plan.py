"""What `plan` is measured against: curl has to be there, and has to be answered as `plan` was."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.bench.plan import _curl, _Request
from toolkit.config import Connection

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def bench(url: str, username: str | None = None, password: str | None = None) -> Any:
    connection = Connection(url=url, source="a test", username=username, password=password)
    return SimpleNamespace(url=url, engine=SimpleNamespace(connection=connection))


REQUESTS = [
    _Request("GET", "/_ilm/policy?filter_path=%2A.policy", None),
    _Request("POST", "/_index_template/_simulate/a", {"quoted": '"\\\né', "list": [1, None]}),
    _Request("GET", "/absent", None),
]


@needs_curl
def test_curl_sends_exactly_what_plan_sent(httpserver: HTTPServer) -> None:
    seen = []

    def answer(request: Request) -> Response:
        body = request.get_json() if request.get_data() else None
        seen.append((request.method, request.full_path.removesuffix("?"), body, request.authorization))
        return Response("{}", 404 if request.path == "/absent" else 200)

    for method in ("GET", "POST"):
        for path in ("/_ilm/policy", "/_index_template/_simulate/a", "/absent"):
            httpserver.expect_request(path, method).respond_with_handler(answer)
    _curl(bench(httpserver.url_for("").rstrip("/"), username="u", password='p"\\é'), REQUESTS)()
    assert sorted((each[:3] for each in seen), key=lambda each: each[1]) == sorted(REQUESTS, key=lambda each: each[1])
    assert [(each[3].username, each[3].password) for each in seen if each[3]] == [("u", 'p"\\é')] * len(REQUESTS)


@needs_curl
def test_another_answer_is_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(json.dumps({}), status=503)
    with pytest.raises(RuntimeError, match="answered otherwise"):
        _curl(bench(httpserver.url_for("").rstrip("/")), [_Request("GET", "/", None)])()


def test_an_absent_curl_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="there is no curl"):
        _curl(bench("http://127.0.0.1:1"), REQUESTS)()
