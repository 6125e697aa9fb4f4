"""`ocs-elastic bootstrap`: OCS's credential is made once, kept where it was asked for, and verified with."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request

from tests.unit.cluster import STREAM, Cluster
from tests.unit.commands import Command, Ran, command
from tests.unit.secured import Body, Secured, secured
from toolkit.cli.cluster import deployment_of
from toolkit.config.secret import basic
from toolkit.errors import RejectedError
from toolkit.uses.deployment import Deployment
from toolkit.uses.doctor import Diagnosis

USER = "ocs-elastic-ocs-default-1"
MADE = [f"PUT /_security/user/{USER}"]
ANYTHING = re.compile(".*")
ADMINISTRATOR = basic("elastic", "the-administrators")


class Server(Secured):
    """With security, streams, and a pipeline; whoever is no administrator may only post."""

    def __init__(self, secured: Secured) -> None:
        super().__init__(secured.url, "default")
        self.streams_of = Cluster(secured.url)
        self.streams_of.security = ADMINISTRATOR

    def _answer(self, request: Request, body: Any) -> tuple[int, Any]:
        parts = request.path.strip("/").split("/")
        if parts[0].startswith((STREAM, ".ds-")):
            status, found = self.streams_of._answer(request)
            return status, found
        return super()._answer(request, body)

    @property
    def password(self) -> str:
        password: str = self.users[USER]["password"]
        return password


@pytest.fixture(name="server")
def _server(web: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A cluster on which everything is as it should be, so that there is nothing to apply."""
    monkeypatch.chdir(tmp_path)
    with secured(web, "default") as plain:
        server = Server(plain)
        web.clear()
        web.expect_request(ANYTHING).respond_with_handler(server.answer)
        monkeypatch.setenv("ELASTICSEARCH_URL", server.url)
        monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "the-administrators")
        monkeypatch.setattr("toolkit.uses.doctor.doctor", lambda *_: Diagnosis("u", "default", ()))
        monkeypatch.setattr("toolkit.cli.bootstrap.applied", applied)
        yield server


def applied(profile: str | None, namespace: str | None, config: Path | None, **_: Any) -> Deployment:
    return deployment_of(profile, namespace, config)


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    ocs_elastic = command(monkeypatch, capsys)
    return lambda *arguments: ocs_elastic("bootstrap", "--yes", *arguments)


def as_ocs(ran: Ran) -> bool:
    return (
        "/_doc, with OCS's own credential\n" in ran.out
        and "OCS's credential reads nothing          403, 403" in ran.out
    )


def test_ocss_user_is_made_shown_once_and_verified_with(run: Command, server: Server) -> None:
    ran = run()
    assert (ran.code, server.written) == (0, MADE), ran
    assert f"password  {server.password}\n" in ran.out
    assert as_ocs(ran)
    assert server.streams_of.authorization == basic(USER, server.password)
    options = ran.out.partition("Set these in the options of OCS")[2]
    assert server.password not in options
    assert options.endswith(f"\nOCS's credential: user {USER}; its password was shown above, this once.\n")


def test_a_second_run_makes_no_second_one(run: Command, server: Server) -> None:
    run()
    ran = run()
    assert (ran.code, server.written) == (0, MADE)
    assert (
        f"No credential was made for OCS: namespace 'default' has a credential for OCS already: user {USER}" in ran.out
    )
    assert "with this connection's credential, not OCS's\n" in ran.out
    assert server.password not in ran.out + ran.err


def test_into_a_file_of_its_own_from_which_a_second_run_takes_it(run: Command, server: Server) -> None:
    first, second = run("--credential-output", "ocs.password"), run("--credential-output", "ocs.password")
    assert (first.code, second.code, server.written) == (0, 0, MADE)
    file = Path("ocs.password")
    assert file.read_text(encoding="utf-8") == f"{server.password}\n"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"OCS's credential: user {USER}; its password is in ocs.password.\n" in first.out
    assert f"OCS's credential: user {USER}, made before; its secret is taken from ocs.password.\n" in second.out
    assert as_ocs(first)
    assert as_ocs(second)
    for ran in (first, second):
        assert server.password not in ran.out + ran.err


def test_it_may_be_left_out(run: Command, server: Server) -> None:
    ran = run("--no-credentials")
    assert (ran.code, server.written) == (0, [])
    assert "No credential was made for OCS: left out by --no-credentials\n  ocs-elastic credentials create\n" in ran.out


def test_who_brings_ocss_own_gets_no_other(run: Command, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_ELASTIC_OCS_API_KEY", "made-by-hand")
    ran = run()
    assert (ran.code, server.written) == (0, [])
    assert "No credential was made for OCS: its own is given: OCS_ELASTIC_OCS_API_KEY\n" in ran.out
    assert as_ocs(ran)


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("manages_security", False, "may not manage security"),
        ("authentication_type", "api_key", "is an API key (my-key), and OCS's credential is not made with one"),
    ],
)
def test_who_may_not_make_it_is_told_why_and_how(
    run: Command, server: Server, attribute: str, value: Any, says: str
) -> None:
    setattr(server, attribute, value)
    ran = run()
    assert (ran.code, server.written) == (0, [])
    assert "No credential was made for OCS: this " in ran.out
    assert says in ran.out
    assert "user and password" in ran.out
    assert "with this connection's credential, not OCS's\n" in ran.out


def test_where_security_is_off_none_is_needed(run: Command, server: Server) -> None:
    server.security = False
    ran = run()
    assert (ran.code, server.written) == (0, [])
    assert "So there are no credentials.\n  OCS posts without one" in ran.out


def test_what_ocs_posts_to_is_in_the_options(run: Command, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"{server.url.replace('localhost', '127.0.0.1')}/{STREAM}/_doc"
    monkeypatch.setenv("OCS_ELASTIC_OCS_URI", uri)
    ran = run()
    assert ran.code == 0
    assert f"Two messages to {uri}, with OCS's own credential\n" in ran.out
    assert f"\ncampaigngroup-states-uri = {uri}\n" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--no-credentials", "--credential-output", "new"], 2, "exclude each other"),
        (["--credential-output", "there"], 1, "there is there already, and stays as it is"),
        (["--credential-output", "absent/new"], 1, "cannot be written"),
        ({"OCS_ELASTIC_OCS_USERNAME": "ocs"}, 2, "OCS_ELASTIC_OCS_USERNAME: the password is missing"),
        ({"OCS_ELASTIC_OCS_URI": "http://p/ocs-campaign-groups-bar/_doc"}, 2, "OCS's URI leads to"),
        ({"ELASTICSEARCH_PROXY": "http://p:3128"}, 2, "which knows no proxy\nhint: name what OCS itself"),
    ],
)
def test_bad_input_ends_it_before_anything_is_changed(
    server: Server, request: pytest.FixtureRequest, arguments: list[str] | dict[str, str], code: int, says: str
) -> None:
    Path("there").write_text("mine", encoding="utf-8")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    if isinstance(arguments, dict):
        for name, value in arguments.items():
            monkeypatch.setenv(name, value)
    monkeypatch.setattr("toolkit.cli.bootstrap.applied", never)
    ran = request.getfixturevalue("run")(*(arguments if isinstance(arguments, list) else []))
    assert (ran.code, server.written) == (code, [])
    assert says in ran.err
    assert Path("there").read_text(encoding="utf-8") == "mine"
    assert not Path("new").exists()


def never(*_: Any, **__: Any) -> Deployment:
    raise AssertionError("the plan was applied")


def test_what_fails_before_the_credential_is_made_leaves_no_file(
    run: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Deployment:
        raise RejectedError("no")

    monkeypatch.setattr("toolkit.cli.bootstrap.applied", refused)
    assert run("--credential-output", "ocs.password").code == 1
    assert not Path("ocs.password").exists()
    monkeypatch.setattr("toolkit.cli.bootstrap.applied", applied)
    assert run("--credential-output", "ocs.password").code == 0


def test_what_fails_afterwards_leaves_the_credential_and_a_second_run_goes_on(run: Command, server: Server) -> None:
    server.streams_of.spoil = lambda document: document.clear()
    ran = run("--credential-output", "ocs.password")
    assert (ran.code, server.written) == (1, MADE)
    assert "checks failed" in ran.err
    assert f"OCS's credential: user {USER}; its password is in ocs.password.\n" in ran.out
    server.streams_of.spoil = lambda _: None
    ran = run("--credential-output", "ocs.password")
    assert (ran.code, server.written) == (0, MADE)
    assert as_ocs(ran)


def test_bad_file_with_another_secret_than_the_credentials(run: Command, server: Server) -> None:
    """Elasticsearch refuses it, and says of whom."""
    run()
    Path("ocs.password").write_text("another", encoding="utf-8")
    Path("ocs.password").chmod(0o600)
    body: Body = {"error": {"type": "security_exception", "reason": f"unable to authenticate user [{USER}]"}}
    server.streams_of.answer_to_post = 401, body
    ran = run("--credential-output", "ocs.password")
    assert ran.code == 1
    assert f"refused the message: 401 security_exception: unable to authenticate user [{USER}]" in ran.err


def test_while_two_are_valid_a_file_is_nobodys(run: Command, server: Server) -> None:
    """In the middle of a rotation it is not known whose secret it holds."""
    run("--credential-output", "ocs.password")
    second = f"{USER.removesuffix('1')}2"
    server.users[second] = server.users[USER]
    ran = run("--credential-output", "ocs.password")
    assert (ran.code, server.written) == (0, MADE)
    assert f"has a credential for OCS already: user {USER}" in ran.out
    assert second in ran.out
    assert "with this connection's credential, not OCS's\n" in ran.out
