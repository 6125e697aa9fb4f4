"""The forms in which resources leave the toolkit: what they hold, and how the shell script behaves."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request as Received
from werkzeug import Response

from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.kinds import KIND
from toolkit.kinds.base import Kind
from toolkit.kinds.request import When
from toolkit.load import desired
from toolkit.model import Resource
from toolkit.scripts import console, curl, folder
from toolkit.scripts.steps import Head, steps

SETTINGS = Settings(namespace="bar", labels={"state": {"running": "Läuft 'jetzt' $HOME `id`"}})
RESOURCES = desired(SETTINGS, of_elasticsearch((8, 19, 21)))
STEPS = steps(RESOURCES)
HEAD = Head("0.1.0", "elasticsearch 8.19.21", "bar")
SCRIPT = curl.script(STEPS, HEAD)

needs_shell = pytest.mark.skipif(not (shutil.which("sh") and shutil.which("curl")), reason="needs sh and curl")


class Recorder:
    """A transport that writes down what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ARG002
        name = path.split("/")[-2]
        return {"transforms": [{"id": name, "state": "stopped"}]} if path.endswith("/_stats") else {}

    def put(self, path: str, body: Any, params: dict[str, str] | None = None) -> None:
        self.sent.append(("PUT", path + _query(params), body))

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> None:
        self.sent.append(("POST", path + _query(params), body))


def _query(params: dict[str, str] | None) -> str:
    return "?" + "&".join(f"{key}={value}" for key, value in params.items()) if params else ""


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_the_requests_of_a_kind_are_what_it_sends(
    resource: Resource, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`write` and `requests` say the same thing twice; this keeps them together."""
    kind = KIND[resource.kind]
    monkeypatch.setattr(Kind, "read", lambda *_: resource.body if there else None)
    recorder = Recorder()
    kind.write(recorder, resource)  # type: ignore[arg-type]
    holds = {When.ALWAYS: True, When.ABSENT: not there, When.PRESENT: there, When.STOPPED: True}
    requests = [request for request in kind.requests(resource) if holds[request.when]]
    assert recorder.sent == [(request.method, request.path, request.body) for request in requests]


def test_what_is_sent_where_something_is_present_stands_behind_its_creation() -> None:
    for step in STEPS:
        for i, request in enumerate(step.requests):
            if request.when is When.PRESENT:
                before = step.requests[i - 1]
                assert (before.when, before.ask) == (When.ABSENT, request.ask)


def test_a_folder_holds_every_body_and_the_order() -> None:
    files = folder.files(STEPS)
    order = json.loads(files[folder.ORDER])["requests"]
    assert {entry["file"] for entry in order if "file" in entry} == files.keys() - {folder.ORDER}
    sent = [(e["method"], e["path"], json.loads(files[e["file"]]) if "file" in e else None) for e in order]
    assert sent == [(r.method, r.path, r.body) for step in STEPS for r in step.requests]
    for resource in RESOURCES:
        if resource.body:
            assert json.loads(files[f"{resource.kind}/{resource.name}.json"]) == resource.body
    assert "transform/ocs-current-state-bar.update.json" in files
    assert list(files)[1:] == sorted(files.keys() - {folder.ORDER})


def test_one_document_holds_the_same() -> None:
    requests = json.loads(folder.document(STEPS))["requests"]
    assert [r.get("body") for r in requests] == [r.body for step in STEPS for r in step.requests]
    conditions = {(r["when"], r["ask"]) for r in requests if "when" in r}
    assert ("absent", "/_data_stream/ocs-campaign-groups-bar") in conditions
    assert ("stopped", "/_transform/ocs-current-state-bar/_stats") in conditions


def test_a_console_script_has_a_comment_and_a_blank_line_for_each_request() -> None:
    blocks = console.script(STEPS, HEAD).rstrip("\n").split("\n\n")
    requests = [request for step in STEPS for request in step.requests]
    assert len(blocks) == 1 + len(requests)
    for block, request in zip(blocks[1:], requests, strict=True):
        lines = block.splitlines()
        notes = [line for line in lines if line.startswith("# ")]
        first, *body = lines[len(notes) :]
        assert first == f"{request.method} {request.path}"
        assert (json.loads("\n".join(body)) if body else None) == request.body
        assert any(f"answers {request.harmless}" in note for note in notes) == (request.harmless is not None)


def test_a_shell_script_is_ascii_and_has_no_carriage_return() -> None:
    """Editors and copies on Windows change anything else."""
    assert SCRIPT.isascii()
    assert "\r" not in SCRIPT


@needs_shell
def test_a_shell_script_is_one(tmp_path: Path) -> None:
    file = tmp_path / "install.sh"
    file.write_text(SCRIPT, encoding="utf-8")
    assert subprocess.run(["sh", "-n", file], capture_output=True, check=False).stderr == b""
    if shellcheck := shutil.which("shellcheck"):
        assert subprocess.run([shellcheck, file], capture_output=True, text=True, check=False).stdout == ""


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Run:
    def run(url: str | None, script: str = SCRIPT, **environment: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "install.sh"
        file.write_text(script, encoding="utf-8")
        given = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **environment}
        if url is not None:
            given["ELASTICSEARCH_URL"] = url
        return subprocess.run(
            ["sh", file], env=given, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )

    return run


class Cluster:
    """Answers as an Elasticsearch that has everything already, and remembers what it was asked."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("")
        self.received: list[Received] = []
        self.answers: dict[tuple[str, str], tuple[int, str]] = {}
        server.expect_request("/", method="GET").respond_with_handler(self._about)
        for method in ("GET", "PUT", "POST"):
            server.expect_request(_Any(), method=method).respond_with_handler(self._answer)

    def _about(self, request: Received) -> Response:
        self.received.append(request)
        return Response(json.dumps({"version": {"number": "8.19.21"}}, indent=2))

    def _answer(self, request: Received) -> Response:
        request.get_data()
        self.received.append(request)
        status, text = self.answers.get((request.method, request.path), (200, "{}"))
        return Response(text, status)

    def seen(self) -> list[str]:
        return [f"{request.method} {request.full_path.rstrip('?')}" for request in self.received[1:]]


class _Any(str):
    """A path that equals every other."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other != "/"

    __hash__ = str.__hash__


@pytest.fixture(name="cluster")
def _cluster(httpserver: HTTPServer) -> Cluster:
    return Cluster(httpserver)


@needs_shell
def test_what_is_there_already_is_not_created_again(run: Run, cluster: Cluster) -> None:
    ran = run(cluster.url)
    assert (ran.returncode, ran.stderr) == (0, "")
    expected: list[str] = []
    for request in (request for step in STEPS for request in step.requests):
        expected += [f"GET {request.ask}"] if request.when in (When.ABSENT, When.STOPPED) else []
        expected += [f"{request.method} {request.path}"] if request.when in (When.ALWAYS, When.PRESENT) else []
    assert cluster.seen() == expected
    assert ran.stdout.count("  is there already\n") == 3
    assert ran.stdout.count("  is started already\n") == 1
    assert ran.stdout.startswith("The cluster runs version 8.19.21.\n1 of 18: ilm_policy ocs-campaign-groups-bar\n")
    assert ran.stdout.endswith("OCS posts to the address of the cluster and /ocs-campaign-groups-bar/_doc\n")


@needs_shell
def test_bodies_arrive_as_they_are(run: Run, cluster: Cluster) -> None:
    """Quotes, dollars and backquotes of labels and scripts mean nothing to the shell."""
    assert run(cluster.url).returncode == 0
    requests = {request.path: request for step in STEPS for request in step.requests}
    sent = [request for request in cluster.received if request.method != "GET"]
    assert len(sent) == 15
    for request in sent:
        assert json.loads(request.get_data()) == requests[request.path].body
        assert request.content_type == "application/json"


@needs_shell
def test_it_stops_at_the_first_error_with_the_servers_reason(run: Run, cluster: Cluster) -> None:
    path = "/_ingest/pipeline/ocs-campaign-groups"
    cluster.answers["PUT", path] = (400, '{"error":{"reason":"no such processor"}}')
    ran = run(cluster.url)
    assert ran.returncode == 1
    assert f'error: PUT {path} was answered by 400:\n{{"error":{{"reason":"no such processor"}}}}\n' == ran.stderr
    assert cluster.seen()[-1] == f"PUT {path}"
    assert "Done" not in ran.stdout


@needs_shell
def test_a_question_that_is_refused_is_no_answer(run: Run, cluster: Cluster) -> None:
    path = "/_data_stream/ocs-campaign-groups-bar"
    cluster.answers["GET", path] = (403, '{"error":"not yours"}')
    ran = run(cluster.url)
    assert ran.returncode == 1
    assert "not yours" in ran.stderr
    assert f"PUT {path}" not in cluster.seen()


@needs_shell
def test_a_transform_that_has_failed_is_an_error(run: Run, cluster: Cluster) -> None:
    path = "/_transform/ocs-current-state-bar/_stats"
    cluster.answers["GET", path] = (200, '{"transforms":[{"state":"failed","reason":"out of luck"}]}')
    ran = run(cluster.url)
    assert ran.returncode == 1
    assert "out of luck" in ran.stderr


@needs_shell
def test_another_version_is_named(run: Run, cluster: Cluster) -> None:
    ran = run(cluster.url, curl.script(STEPS[:1], Head("0.1.0", "elasticsearch 8.3.3", "bar")))
    assert ran.returncode == 0
    assert "note: this script was written for 8.3.3" in ran.stdout


@needs_shell
def test_what_is_no_elasticsearch_gets_nothing(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("<html>Please log in</html>")
    ran = run(httpserver.url_for(""))
    assert (ran.returncode, ran.stderr) == (1, "error: what answers at ELASTICSEARCH_URL is no Elasticsearch\n")
    assert len(httpserver.log) == 1


@needs_shell
def test_without_an_address_it_says_so(run: Run) -> None:
    ran = run(None)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ELASTICSEARCH_URL is not set" in ran.stderr


@needs_shell
def test_nobody_there_is_said(run: Run) -> None:
    ran = run("http://127.0.0.1:9")
    assert ran.returncode == 1
    assert "error: GET /: no answer" in ran.stderr


@needs_shell
def test_nothing_is_left_behind(run: Run, cluster: Cluster, tmp_path: Path) -> None:
    assert run(cluster.url).returncode == 0
    assert run("http://127.0.0.1:9").returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["install.sh"]


SECRET = "p\\a\"s s$w`rd'%é"


@needs_shell
def test_user_and_password_are_sent(run: Run, cluster: Cluster) -> None:
    assert run(cluster.url, ELASTICSEARCH_USERNAME="op", ELASTICSEARCH_PASSWORD=SECRET).returncode == 0
    for request in cluster.received:
        assert request.authorization is not None
        assert (request.authorization.username, request.authorization.password) == ("op", SECRET)


@needs_shell
def test_an_api_key_goes_before_them(run: Run, cluster: Cluster) -> None:
    given = {"ELASTICSEARCH_API_KEY": "a2V5OnNlY3JldA==", "ELASTICSEARCH_USERNAME": "op"}
    assert run(cluster.url, **given).returncode == 0
    assert {request.headers["Authorization"] for request in cluster.received} == {"ApiKey a2V5OnNlY3JldA=="}


@needs_shell
def test_no_secret_is_among_curls_arguments(run: Run, tmp_path: Path) -> None:
    """Other users of the machine can read them, those of the address included."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "curl"
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{tmp_path}/arguments"\ncat >> "{tmp_path}/input"\n', "utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    ran = run(
        "http://user:in-address@127.0.0.1:9",
        PATH=f"{folder}{os.pathsep}{os.environ['PATH']}",
        ELASTICSEARCH_USERNAME="op",
        ELASTICSEARCH_PASSWORD="of-user",
    )
    arguments, given = ((tmp_path / name).read_text(encoding="utf-8") for name in ("arguments", "input"))
    for secret in ("in-address", "of-user"):
        assert secret in given
        assert secret not in arguments + ran.stdout + ran.stderr


def test_the_head_of_a_script_knows_its_version() -> None:
    assert HEAD.server_version == "8.19.21"
    assert f"# Written by ocs-elastic 0.1.0 for {HEAD.server}, namespace bar.\n" in SCRIPT
