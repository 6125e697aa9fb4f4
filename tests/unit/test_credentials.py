"""`ocs-elastic credentials`: what is made, what is refused and why, and where a secret may stand: in one place."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.unit.commands import Command, Ran, command
from tests.unit.secured import SERVER, Secured, secured
from toolkit.catalogue import read_catalogue
from toolkit.client.connect import connect
from toolkit.config import Connection, Settings
from toolkit.config.secret import new_secret_file, read_secret
from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Credential, Issued
from toolkit.errors import StalePlanError, ToolkitError
from toolkit.uses import credentials, destroy
from toolkit.uses.deployment import Deployment

ROLE = "ocs-elastic-ocs-bank"
USER_1, USER_2 = f"{ROLE}-1", f"{ROLE}-2"
KINDS = ("user", "api-key")


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


@pytest.fixture(name="server")
def _server(web: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Secured]:
    monkeypatch.chdir(tmp_path)
    with secured(web) as server:
        monkeypatch.setenv("ELASTICSEARCH_URL", server.url)
        monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "the-administrators")
        monkeypatch.setenv("OCS_ELASTIC_NAMESPACE", "bank")
        yield server


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    ocs_elastic = command(monkeypatch, capsys)
    return lambda *arguments: ocs_elastic("credentials", *arguments)


def failed(ran: Ran, code: int, *words: str) -> None:
    assert (ran.code, ran.out) == (code, ""), ran
    assert ran.err.startswith("error: ")
    assert "\nhint: " in ran.err
    for word in words:
        assert word in ran.err


def test_a_user_gets_the_role_and_our_mark(run: Command, server: Secured) -> None:
    ran = run("create")
    assert (ran.code, ran.err) == (0, "")
    assert server.written == [f"PUT /_security/user/{USER_1}"]
    user = server.users[USER_1]
    assert user["roles"] == [ROLE]
    mark = user["metadata"]["ocs_elastic"]
    assert (mark["managed_by"], mark["namespace"]) == ("ocs-elastic", "bank")
    assert f"password  {user['password']}\n" in ran.out
    host = server.url.removeprefix("http://")
    assert f"http://{USER_1}:{user['password']}@{host}/ocs-campaign-groups-bank/_doc" in ran.out


def test_a_password_needs_no_escape_and_is_never_the_same(run: Command, server: Secured) -> None:
    run("create")
    run("rotate")
    passwords = {server.users[name]["password"] for name in (USER_1, USER_2)}
    assert len(passwords) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", password) for password in passwords)


def test_a_key_gets_exactly_the_roles_rights_and_our_mark(run: Command, server: Secured) -> None:
    ran = run("create", "--kind", "api-key")
    assert (ran.code, ran.err) == (0, "")
    assert server.written == ["POST /_security/api_key"]
    (key,) = server.api_keys
    assert key["body"]["role_descriptors"] == {ROLE: server.roles[ROLE]}
    assert "expiration" not in key["body"]
    assert key["metadata"]["ocs_elastic"]["namespace"] == "bank"
    assert f"Authorization: ApiKey {key['encoded']}" in ran.out


@pytest.mark.parametrize("kind", KINDS)
def test_json_holds_the_secret(run: Command, server: Secured, kind: str) -> None:
    found = json.loads(run("create", "--kind", kind, "--json").out)
    assert {found["secret"]} == server.secrets()
    assert (found["kind"], found["name"], found["namespace"]) == (kind, USER_1, "bank")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_secret_in_a_file_is_shown_nowhere(run: Command, server: Secured, kind: str, as_json: list[str]) -> None:
    ran = run("create", "--kind", kind, "--output", "a-file", *as_json)
    assert (ran.code, ran.err) == (0, "")
    assert {read_secret(Path("a-file"), "the tests")} == server.secrets()
    assert not [secret for secret in server.secrets() if secret in ran.out]
    assert "a-file" in ran.out


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such mode")
def test_the_file_is_its_owners_from_the_first_byte(run: Command, server: Secured) -> None:
    modes: list[int] = []
    answer = server.answer

    def looking(request: Any) -> Any:
        modes.extend(stat.S_IMODE(file.stat().st_mode) for file in Path().glob("a-file"))
        return answer(request)

    server.answer = looking  # type: ignore[method-assign]
    umask = os.umask(0)
    try:
        run("create", "--output", "a-file")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(Path("a-file").stat().st_mode) == 0o600
    assert set(modes) <= {0o600}


@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_a_file_that_is_there_is_not_touched_and_nothing_is_made(run: Command, server: Secured, verb: str) -> None:
    if verb == "rotate":
        run("create")
    before = server.valid
    Path("a-file").write_text("precious", encoding="utf-8")
    failed(run(verb, "--output", "a-file"), 1, "a-file is there already")
    assert Path("a-file").read_text(encoding="utf-8") == "precious"
    assert server.valid == before


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_link_to_nowhere_is_not_followed(run: Command, server: Secured) -> None:
    Path("a-file").symlink_to("elsewhere")
    failed(run("create", "--output", "a-file"), 1, "is there already")
    assert not Path("elsewhere").exists()
    assert server.valid == []


def test_a_folder_that_is_absent_is_said_before_anything_is_made(run: Command, server: Secured) -> None:
    failed(run("create", "--output", "absent/a-file"), 1, "cannot be written", "nothing was changed on the cluster")
    assert server.written == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_written_is_taken_back(
    run: Command, server: Secured, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    failed(run("create", "--kind", kind, "--output", "a-file"), 1, "No space left on device")
    assert server.valid == []
    assert not Path("a-file").exists()


@pytest.mark.skipif(os.name != "posix", reason="a pipe without a reader")
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_what_nobody_can_see_is_taken_back(server: Secured, as_json: list[str]) -> None:
    """As in `credentials create | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "toolkit", "credentials", "create", *as_json]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 1
    assert "nobody has seen the secret" in done.stderr
    assert "Exception ignored" not in done.stderr
    assert server.written == [f"PUT /_security/user/{USER_1}", f"DELETE /_security/user/{USER_1}"]


def deployment(server: Secured, **changed: Any) -> Deployment:
    transport = connect(Connection(server.url, "the tests", username="elastic", password="x"))
    return Deployment(transport, replace(SERVER, **changed), Settings(namespace="bank"))


def test_an_interruption_takes_it_back(server: Secured) -> None:
    def interrupted(_: Issued) -> None:
        assert server.valid == [USER_1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        credentials.create(deployment(server), CredentialKind.USER, interrupted)
    assert server.valid == []


@pytest.mark.parametrize("kind", CredentialKind)
def test_an_interruption_while_it_is_made_takes_it_back(server: Secured, kind: CredentialKind) -> None:
    """The server makes it whether or not anybody waits for its answer, so that is waited for."""

    def interrupt(request: str) -> None:
        if request in (f"PUT /_security/user/{USER_1}", "POST /_security/api_key"):
            assert server.valid == [USER_1]
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    server.meanwhile = interrupt
    shown: list[Issued] = []
    # A shell that starts the tests in the background has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            credentials.create(deployment(server), kind, shown.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.valid == []
    assert shown == []


def test_two_who_revoke_one_each_do_not_revoke_both(run: Command, server: Secured) -> None:
    """Each has read that the other one stays."""
    run("create")
    run("rotate")
    target = deployment(server)
    first, second = (credentials.revocation(target, [name]) for name in (USER_1, USER_2))
    assert [each.name for each in credentials.revoked(target, first)] == [USER_1]
    with pytest.raises(StalePlanError, match="have changed since they were shown"):
        list(credentials.revoked(target, second))
    assert server.valid == [USER_2]


@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_a_key_that_could_not_post_is_not_made(run: Command, server: Secured, verb: str) -> None:
    """As on 8.3.3: a key has no right that its maker lacks, so OCS was refused with 403."""
    if verb == "rotate":
        run("create")
    before = server.valid
    server.may_post_to = {"ocs-dead-letters-bank"}
    ran = run(verb, "--kind", "api-key", "--output", "a-file")
    failed(ran, 1, "this user lacks create_doc on ocs-campaign-groups-bank: ", "--kind user")
    assert server.valid == before
    assert not Path("a-file").exists()
    assert run(verb, "--kind", "user").code == 0


def test_a_failed_creation_leaves_no_file(run: Command, server: Secured) -> None:
    server.refuses[f"PUT /_security/user/{USER_1}"] = (400, {"error": {"type": "t", "reason": "passwords are long"}})
    failed_run = run("create", "--output", "a-file")
    assert failed_run.code == 1
    assert "passwords are long" in failed_run.err
    assert not Path("a-file").exists()


def test_for_nginx_the_file_holds_the_line_that_it_includes(run: Command, server: Secured) -> None:
    run("create", "--kind", "api-key", "--format", "nginx", "--output", "a-file")
    (secret,) = server.secrets()
    assert Path("a-file").read_text() == f'proxy_set_header Authorization "ApiKey {secret}";\n'
    run("rotate", "--kind", "user", "--format", "nginx", "--output", "another")
    assert re.fullmatch(r'proxy_set_header Authorization "Basic [A-Za-z0-9+/=]+";\n', Path("another").read_text())


def test_nginx_without_a_file_is_a_usage_error(run: Command, server: Secured) -> None:
    ran = run("create", "--format", "nginx")
    assert ran.code == 2
    assert "--output" in ran.err
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_create_names_the_first(run: Command, server: Secured, kind: str) -> None:
    run("create", "--kind", kind)
    failed(run("create"), 1, f"{USER_1} (made ", "credentials rotate", f"credentials revoke {USER_1}")
    assert server.valid == [USER_1]


@pytest.mark.parametrize("kind", KINDS)
def test_rotating_leaves_the_former_valid_and_says_when_to_revoke_it(run: Command, server: Secured, kind: str) -> None:
    run("create", "--kind", kind)
    ran = run("rotate")
    assert (ran.code, ran.err) == (0, "")
    assert server.valid == [USER_1, USER_2]
    assert len(server.api_keys) == (2 if kind == "api-key" else 0)
    assert "is still valid" in ran.out
    assert f"3. Only then: ocs-elastic credentials revoke {USER_1}" in ran.out
    failed(run("rotate"), 1, "is being rotated already", USER_1, USER_2)
    assert server.valid == [USER_1, USER_2]
    assert run("revoke", USER_1, "--yes").code == 0
    assert server.valid == [USER_2]
    assert json.loads(run("rotate", "--json").out)["replaces"]["name"] == USER_2
    assert server.valid == [USER_2, f"{ROLE}-3"]


def test_a_name_is_never_used_again_while_anything_bears_it(run: Command, server: Secured) -> None:
    """A user of somebody else's would be overwritten, and a revoked key be taken for its successor."""
    server.users[USER_1] = {"roles": ["superuser"]}
    run("create", "--kind", "api-key")
    run("revoke", USER_2, "--yes")
    run("create")
    assert server.users[USER_1] == {"roles": ["superuser"]}
    assert server.users[f"{ROLE}-3"]["roles"] == [ROLE]


def test_without_a_first_one_nothing_is_rotated(run: Command, server: Secured) -> None:
    failed(run("rotate"), 1, "has no credential", "credentials create")
    assert server.written == []


def test_who_rotates_may_change_the_kind(run: Command, server: Secured) -> None:
    run("create")
    run("rotate", "--kind", "api-key")
    assert [key["name"] for key in server.api_keys] == [USER_2]


MAKING = [["create"], ["create", "--kind", "api-key"], ["rotate"]]


@pytest.mark.parametrize("arguments", MAKING)
def test_under_an_api_key_it_stops_and_says_why(run: Command, server: Secured, arguments: list[str]) -> None:
    server.authentication_type = "api_key"
    failed(run(*arguments), 1, "is an API key (my-key)", "refuses to let a key make a key")
    assert server.written == []


def without_rights(server: Secured) -> None:
    server.manages_security = False


def without_security(server: Secured) -> None:
    server.security = False


def without_role(server: Secured) -> None:
    del server.roles[ROLE]


def with_another_role(server: Secured) -> None:
    server.roles[ROLE] = {**server.roles[ROLE], "cluster": ["all"]}


def with_a_role_of_a_newer_toolkit(server: Secured) -> None:
    role = server.roles[ROLE]
    mark = {**role["metadata"]["ocs_elastic"], "schema": read_catalogue().schema + 1}
    server.roles[ROLE] = {**role, "metadata": {**role["metadata"], "ocs_elastic": mark}}


def with_a_foreign_role(server: Secured) -> None:
    server.roles[ROLE] = {key: value for key, value in server.roles[ROLE].items() if key != "metadata"}


def without_streams(server: Secured) -> None:
    server.streams.clear()


@pytest.mark.parametrize("arguments", MAKING)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_rights, "manage_security"),
        (without_security, "Security is off"),
        (without_role, f"there is no role {ROLE}"),
        (with_another_role, f"role {ROLE} is not as it should be"),
        (with_a_foreign_role, f"role {ROLE} is not as it should be"),
        (with_a_role_of_a_newer_toolkit, "set up by a newer toolkit"),
        (without_streams, "no data stream 'ocs-campaign-groups-bank'"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_made(
    run: Command, server: Secured, arguments: list[str], spoil: Callable[[Secured], None], words: str
) -> None:
    spoil(server)
    failed(run(*arguments), 1, words)
    assert server.written == []


def test_an_older_toolkit_revokes_too(run: Command, server: Secured) -> None:
    """Who has lost a secret does not have to look for the right version first."""
    run("create")
    with_a_role_of_a_newer_toolkit(server)
    assert run("revoke", USER_1, "--yes").code == 0
    assert server.valid == []


@pytest.mark.parametrize("spoil", [without_rights, without_security])
def test_who_may_not_manage_security_revokes_nothing(
    run: Command, server: Secured, spoil: Callable[[Secured], None]
) -> None:
    run("create")
    spoil(server)
    ran = run("revoke", USER_1, "--yes")
    assert ran.code == 1
    assert server.valid == [USER_1]


def test_without_a_name_those_that_are_valid_are_named(run: Command, server: Secured) -> None:
    failed(run("revoke"), 2, "which credential?", "none")
    run("create")
    failed(run("revoke", "--yes"), 2, "which credential?", f"user {USER_1}")
    assert server.valid == [USER_1]


def test_without_a_terminal_and_without_yes_nothing_is_revoked(
    run: Command, server: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create")
    ran = run("revoke", USER_1)
    assert ran.code == 2
    assert "there is no terminal to ask on" in ran.err
    assert "None is left then" in ran.out
    assert server.valid == [USER_1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_revoked_is_gone_and_the_others_are_not(run: Command, server: Secured, kind: str) -> None:
    run("create", "--kind", kind)
    run("rotate")
    found = json.loads(run("revoke", USER_1, "--yes", "--json").out)
    assert [each["name"] for each in found["revoked"]] == [USER_1]
    assert [each["name"] for each in found["valid"]] == [USER_2]
    assert server.valid == [USER_2]
    failed(run("revoke", USER_1, "--yes"), 2, f"no valid credential '{USER_1}'")


def foreign_user(server: Secured) -> None:
    server.users[f"{ROLE}-9"] = {"roles": [ROLE], "metadata": {"ocs_elastic": {"managed_by": "somebody"}}}


def foreign_key(server: Secured) -> None:
    server.api_keys.append({"id": "x", "name": f"{ROLE}-9", "invalidated": False, "metadata": {}, "encoded": "x"})


@pytest.mark.parametrize("add", [foreign_user, foreign_key])
def test_what_does_not_carry_our_mark_is_neither_rotated_nor_revoked(
    run: Command, server: Secured, add: Callable[[Secured], None]
) -> None:
    add(server)
    failed(run("rotate"), 1, "has no credential")
    failed(run("revoke", f"{ROLE}-9", "--yes"), 1, "does not carry our mark")
    assert server.written == []


def test_another_namespaces_is_not_revoked(run: Command, server: Secured) -> None:
    mark = {"ocs_elastic": {"managed_by": "ocs-elastic", "namespace": "other"}}
    server.users["ocs-elastic-ocs-other-1"] = {"metadata": mark}
    failed(run("revoke", "ocs-elastic-ocs-other-1", "--yes"), 2, "namespace 'bank' has no valid credential")
    assert server.written == []


def test_an_expired_key_is_none(run: Command, server: Secured) -> None:
    run("create", "--kind", "api-key")
    server.api_keys[0]["expiration"] = 1
    failed(run("rotate"), 1, "has no credential")


def test_a_key_that_the_server_could_not_revoke_is_an_error(run: Command, server: Secured) -> None:
    run("create", "--kind", "api-key")
    details = [{"type": "t", "reason": "the shard is away"}]
    server.refuses["DELETE /_security/api_key"] = (200, {"error_count": 1, "error_details": details})
    ran = run("revoke", USER_1, "--yes")
    assert ran.code == 1
    assert f"API key {USER_1} was not revoked: the shard is away" in ran.err


@pytest.mark.skipif(os.name != "posix", reason="a limit of the size of files")
def test_a_disk_that_takes_a_part_of_the_secret_is_full(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - Windows has none

    def write_it() -> None:
        with new_secret_file(tmp_path / "a-file") as write:
            write("a secret of more than ten bytes")

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(ToolkitError, match="cannot be written"):
            write_it()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "a-file").exists()


def test_a_secret_is_in_no_representation() -> None:
    made = Issued(Credential(CredentialKind.USER, "n", "n", "bank", None), "s3cret")
    assert "s3cret" not in repr(made) + str(made)


def test_a_file_for_a_secret_that_never_came_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="no"), new_secret_file(tmp_path / "a-file"):
        raise ToolkitError("no")
    with new_secret_file(tmp_path / "a-file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_the_secret_stays_whatever_goes_wrong_afterwards(tmp_path: Path) -> None:
    """The credential is valid then, and its secret is nowhere else."""

    def secret_then_trouble() -> None:
        with new_secret_file(tmp_path / "a-file") as write:
            write("s3cret")
            raise ToolkitError("the lock could not be released")

    with pytest.raises(ToolkitError, match="the lock"):
        secret_then_trouble()
    assert (tmp_path / "a-file").read_text() == "s3cret\n"


@pytest.mark.parametrize("kind", KINDS)
def test_destroy_takes_the_credentials_too(run: Command, server: Secured, kind: str) -> None:
    run("create", "--kind", kind)
    run("rotate")
    target = deployment(server)
    what = destroy.removal(target, ())
    assert [each.name for each in what.credentials] == [USER_1, USER_2]
    assert not what.nothing
    gone = {resource.name for resource in destroy.destroy(target, what)}
    assert {USER_1, USER_2} <= gone
    assert server.valid == []


def test_who_may_not_manage_security_is_told_what_destroy_leaves(run: Command, server: Secured) -> None:
    run("create")
    without_rights(server)
    what = destroy.removal(deployment(server, manages_security=False), ())
    assert what.credentials == ()
    reasons = {resource.name: reason for resource, reason in what.stays}
    assert "may not manage security" in reasons[f"{ROLE}-*"]
