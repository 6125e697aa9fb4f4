"""`ocs-elastic verify`: each way in which it can fail, what it says then, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trustme import CA

from tests.unit.cluster import CATALOGUE, DEAD_LETTERS, ID, INDEX, LETTER, STREAM, Cluster, put
from tests.unit.commands import Command, Ran, command
from tests.unit.receiver import receiver
from tests.unit.tls import Server, serving
from toolkit.client.connect import connect
from toolkit.config import Connection, Settings
from toolkit.config.secret import basic
from toolkit.errors import UnreachableError
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target, parse_target, post_one
from toolkit.ocs.tally import Answer
from toolkit.output.console import TerminalProgress
from toolkit.uses.verification import Verification
from toolkit.uses.verify import verify

DOCUMENT = f"/{INDEX.format(STREAM)}/_doc/{ID}"
DEAD_LETTER = f"/{INDEX.format(DEAD_LETTERS)}/_doc/{LETTER}"


@pytest.fixture(name="command_verify")
def _command_verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("verify", *arguments)


READS = "OCS's credential reads nothing"


def deletions(server: Cluster) -> list[str]:
    return [request.removeprefix("DELETE ") for request in server.requests if request.startswith("DELETE ")]


def posts(server: Cluster) -> int:
    return sum(request.startswith("POST") and request.endswith("/_doc") for request in server.requests)


def test_all_is_well(command_verify: Command, server: Cluster) -> None:
    ran = command_verify()
    assert (ran.code, ran.err) == (0, "")
    assert f"Two messages to {server.url}/{STREAM}/_doc, without any credential\n" in ran.out
    assert "FAILED" not in ran.out
    assert " checks ok, 1 not made, in 0." in ran.out
    assert (server.document, server.letter) == (None, None)
    assert deletions(server) == [DOCUMENT, DEAD_LETTER]
    assert posts(server) == 2


def test_the_message_uses_every_attribute_and_its_guid_is_new_each_time(
    command_verify: Command, server: Cluster
) -> None:
    guids = set()
    for _ in range(2):
        command_verify()
        assert server.message.keys() == {*CATALOGUE.attributes, "GSW_CALLING_LISTS"}
        assert server.message["GSW_TENANT_NAME"] == "ocs-elastic-verify"
        guids.add(server.message["GSW_CAMPAIGN_GROUP_GUID"])
    assert len(guids) == 2


def test_json_names_every_check(command_verify: Command, server: Cluster) -> None:
    ran = command_verify("--json")
    found = json.loads(ran.out)
    assert (ran.code, found["ok"], found["left"], found["credential"]) == (0, True, [], "none")
    assert (found["index"], found["id"]) == (INDEX.format(STREAM), ID)
    checks = {check["name"]: check for check in found["checks"]}
    assert checks.keys() >= CATALOGUE.attributes.keys()
    assert checks["GSW_CAMPAIGN_GROUP_STATE"]["found"] == {
        "ocs.campaign_group.state.code": 5,
        "ocs.campaign_group.state.label": "Running",
    }
    assert [name for name, check in checks.items() if not check["ok"]] == found["not_made"] == [READS]
    assert "not given: OCS_ELASTIC_OCS_USERNAME" in checks[READS]["not_made"]
    assert found["dead_letter"] == {"index": INDEX.format(DEAD_LETTERS), "id": LETTER}


def test_kept_is_not_deleted(command_verify: Command, server: Cluster) -> None:
    ran = command_verify("--keep")
    assert ran.code == 0
    assert f"\nstill there: {DOCUMENT[1:]}\nstill there: {DEAD_LETTER[1:]}\n" in ran.out
    assert server.document is not None
    assert server.letter is not None
    assert deletions(server) == []


@pytest.mark.parametrize(
    ("path", "value", "names"),
    [
        ("ocs.campaign_group.state.label", "Läuft", "expected 'Running', found 'Läuft'"),
        ("ocs.campaign_group.state.code", 4, "expected 5, found 4"),
        ("ocs.queue.name", "ocs.queue.name PrÃ¼fung", "found 'ocs.queue.name PrÃ¼fung'"),
        ("event.action", "load", "expected 'start-dialing', found 'load'"),
        ("event.ingested", None, "event.ingested: expected 'a time', found nothing"),
        ("ocs.message", "activity", "expected 'state_change', found 'activity'"),
        ("ocs.schema", 0, f"expected {CATALOGUE.schema}, found 0"),
        ("ocs.stats.hit_ratio", None, "found nothing"),
        ("ocs.calling_lists", [], "found []"),
        ("ocs.invalid", {"GSW_DIAL_MODE": 1}, "ocs.invalid: expected nothing, found {'GSW_DIAL_MODE': 1}"),
        ("tags", None, "tags: expected ['ocs_verify'], found nothing"),
        ("@timestamp", "2018-04-26T17:53:00.123Z", "found '2018-04-26T17:53:00.123Z'"),
    ],
)
def test_bad_field_names_what_was_expected_and_what_was_found(
    command_verify: Command, server: Cluster, path: str, value: object, names: str
) -> None:
    server.spoil = lambda document: put(document, path, value)
    ran = command_verify()
    assert ran.code == 1
    assert f"{path}: " in ran.out
    assert names in ran.out
    assert names in ran.err
    assert "error: " in ran.err
    assert "\nhint: " in ran.err
    assert server.document is None


def test_bad_many_fields_are_all_in_the_table_and_the_first_in_the_error(
    command_verify: Command, server: Cluster
) -> None:
    server.spoil = lambda document: document.pop("ocs") and document.update(ocs={})
    server.found_by_search = False
    ran = command_verify("--json")
    failed = [check["name"] for check in json.loads(ran.out)["checks"] if check["ok"] is False]
    assert "GSW_TENANT_NAME" in failed
    assert "calling lists" in failed
    assert f"{len(failed)} of " in ran.err
    assert ran.err.count("\n") == 2


def test_bad_a_dead_letter_says_why_and_is_deleted(command_verify: Command, server: Cluster) -> None:
    server.stream = DEAD_LETTERS
    server.spoil = lambda document: document.update(error={"type": "campaign_group", "message": "so bad"})
    ran = command_verify()
    assert ran.code == 1
    assert f"not a dead letter: stream: expected '{STREAM}', found '{DEAD_LETTERS}'" in ran.err
    assert "error.message: expected nothing, found 'so bad'" in ran.out
    assert server.document is None
    assert deletions(server) == [f"/{INDEX.format(DEAD_LETTERS)}/_doc/{ID}", DEAD_LETTER]


@pytest.mark.parametrize(
    ("status", "type_", "hint"),
    [
        (401, "security_exception", "no credential was sent, and the server asks for one: give OCS's own"),
        (405, "Method Not Allowed", "nothing takes messages at this address"),
        (403, "security_exception", "create_doc"),
        (400, "illegal_argument_exception", "OCS would lose every message"),
        (503, "unavailable_shards_exception", "OCS would lose every message"),
    ],
)
def test_bad_a_refusal_is_not_tried_again(
    command_verify: Command, server: Cluster, status: int, type_: str, hint: str
) -> None:
    server.answer_to_post = status, {"error": {"type": type_, "reason": "no"}}
    ran = command_verify()
    assert (ran.code, ran.out) == (1, "")
    assert f"error: {server.url}/{STREAM}/_doc refused the message: {status} {type_}: no\n" in ran.err
    assert hint in ran.err
    assert posts(server) == 1
    assert not any(request.startswith("DELETE") for request in server.requests)


def test_bad_a_credential_that_is_not_known(
    command_verify: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_ELASTIC_OCS_API_KEY", "another")
    server.answer_to_post = 401, {"error": {"type": "security_exception", "reason": "no"}}
    ran = command_verify()
    assert (ran.code, ran.out) == (1, "")
    assert "\nhint: the server does not know this credential: check user and password, or the API key\n" in ran.err


def test_bad_something_else_answers_in_elasticsearchs_place(command_verify: Command, server: Cluster) -> None:
    server.answer_to_post = 200, {"welcome": "to the proxy"}
    ran = command_verify()
    assert ran.code == 1
    assert "answered 200, but not where the message is" in ran.err
    assert "campaign group " in ran.err


@pytest.mark.parametrize("absent", [STREAM, DEAD_LETTERS])
def test_bad_a_stream_is_absent(command_verify: Command, server: Cluster, absent: str) -> None:
    """Nothing may be posted: it would create a plain index of the stream's name."""
    server.streams -= {absent}
    ran = command_verify()
    assert (ran.code, ran.out) == (1, "")
    assert f"error: no data stream '{absent}' on {server.url}\nhint: `ocs-elastic apply` " in ran.err
    assert posts(server) == 0


def test_bad_the_message_is_not_where_its_answer_says(command_verify: Command, server: Cluster) -> None:
    server.loses = True
    ran = command_verify()
    assert ran.code == 1
    assert "checks failed: read back: found: expected True, found False" in ran.err
    assert deletions(server) == [DOCUMENT, DEAD_LETTER]


def test_bad_no_search_finds_it(command_verify: Command, server: Cluster) -> None:
    server.found_by_search = False
    ran = command_verify()
    assert ran.code == 1
    assert f"ids: expected ['{ID}'], found []" in ran.err
    assert server.document is None


def test_bad_it_cannot_be_deleted(command_verify: Command, server: Cluster) -> None:
    server.refuses_delete = True
    ran = command_verify()
    assert ran.code == 1
    assert "because of security_exception" in ran.err
    assert f"\nstill there: {DOCUMENT[1:]}\nstill there: {DEAD_LETTER[1:]}\n" in ran.out


def test_bad_the_answer_to_the_post_never_comes(server: Cluster) -> None:
    """The message may have been taken: the hint names its campaign group."""
    with receiver() as silent:
        silent.answer = lambda _: None
        with pytest.raises(UnreachableError, match="connection closed") as raised:
            run_verify(server, silent.url)
        assert len(silent.bodies) == 1
        guid = json.loads(silent.bodies[0])["GSW_CAMPAIGN_GROUP_GUID"]
    assert f"a message of campaign group {guid}, tagged ocs_verify, is left" in str(raised.value.hint)


def test_bad_a_post_that_reached_nobody_leaves_nothing(server: Cluster) -> None:
    with pytest.raises(UnreachableError, match="connection refused") as raised:
        run_verify(server, "http://127.0.0.1:9/ocs-campaign-groups-default/_doc")
    assert "left" not in str(raised.value.hint)


def test_bad_a_host_that_nobody_knows(server: Cluster) -> None:
    with pytest.raises(UnreachableError, match="unknown host") as raised:
        run_verify(server, "http://nobody.invalid/ocs-campaign-groups-default/_doc")
    assert "left" not in str(raised.value.hint)


def test_an_interrupted_post_says_what_may_be_left(
    server: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(message: Message, target: Target) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.uses.outbox.post_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_verify(server, f"{server.url}/{STREAM}/_doc")
    assert "interrupted while posting; if it was taken after all" in capsys.readouterr().err


def run_verify(server: Cluster, url: str) -> Verification:
    transport = connect(Connection(server.url, "the test"))
    return verify(transport, parse_target(url), Settings(), progress=TerminalProgress())


def test_bad_nobody_is_there(command_verify: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://127.0.0.1:9")
    ran = command_verify()
    assert (ran.code, ran.out) == (1, "")
    assert "error: http://127.0.0.1:9 refuses the connection" in ran.err


def test_the_connections_credential_is_used_and_never_shown(
    command_verify: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "s3cret")
    for arguments in ((), ("--json",)):
        ran = command_verify(*arguments)
        assert server.authorization == "ApiKey s3cret"
        assert "s3cret" not in ran.out + ran.err


OWN = {"OCS_ELASTIC_OCS_USERNAME": "ocs", "OCS_ELASTIC_OCS_PASSWORD": "pa55"}
OWN_HEADER = basic("ocs", "pa55")


@pytest.fixture(name="secure")
def _secure(server: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Security is on, and the connection's credential may read; no other."""
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "the-operators")
    server.security = "ApiKey the-operators"
    return server


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def checks_of(ran: Ran) -> dict[str, Any]:
    return {check["name"]: check for check in json.loads(ran.out)["checks"]}


def test_ocss_own_credential_posts_and_is_refused_to_read(
    command_verify: Command, secure: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, OWN)
    ran = command_verify("--json")
    found = json.loads(ran.out)
    assert (ran.code, found["ok"], found["not_made"], found["credential"]) == (0, True, [], "ocs")
    assert secure.authorization == OWN_HEADER
    assert checks_of(ran)[READS]["found"] == {"search": 403, "get": 403}
    assert (secure.document, secure.letter) == (None, None)
    assert "pa55" not in ran.out + ran.err


def test_it_may_come_from_files_that_options_name(command_verify: Command, secure: Cluster) -> None:
    for name, secret in (("password", "pa55\n"), ("key", "a-key\n")):
        Path(name).write_text(secret, encoding="utf-8")
        Path(name).chmod(0o600)
    assert command_verify("--ocs-username", "ocs", "--ocs-password-file", "password").code == 0
    assert secure.authorization == OWN_HEADER
    assert command_verify("--ocs-api-key-file", "key").code == 0
    assert secure.authorization == "ApiKey a-key"


def test_bad_a_credential_of_ocss_that_may_read(
    command_verify: Command, secure: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, {"OCS_ELASTIC_OCS_API_KEY": "the-operators"})
    ran = command_verify()
    assert ran.code == 1
    assert f"error: 1 of 44 checks failed: {READS}: search: expected 403, found 200, and 1 more\n" in ran.err
    assert "hint: OCS's credential may read" in ran.err
    assert "credentials create" in ran.err
    assert (secure.document, secure.letter) == (None, None)


def test_where_security_is_off_a_refusal_is_not_looked_for(
    command_verify: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, OWN)
    ran = command_verify("--json")
    assert (ran.code, json.loads(ran.out)["not_made"]) == (0, [READS])
    assert checks_of(ran)[READS] == {
        "name": READS,
        "ok": None,
        "expected": {},
        "found": {},
        "not_made": f"security is off on {server.url}, so everybody may read",
    }


def test_without_ocss_own_it_says_by_which_it_posted(command_verify: Command, secure: Cluster) -> None:
    ran = command_verify()
    assert ran.code == 0
    assert "/_doc, with this connection's credential, not OCS's\n" in ran.out
    assert re.search(f" not made +{READS} +OCS's own credential is not given: OCS_ELASTIC_OCS_USERNAME", ran.out)
    assert "\n43 of 44 checks ok, 1 not made, in " in ran.out


def test_ocss_own_uri_gets_nobody_elses_credential(
    command_verify: Command, secure: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy adds OCS's; the connection's is not meant for it."""
    use(monkeypatch, {"OCS_ELASTIC_OCS_URI": f"{secure.url}/ocs-campaign-groups-default/_doc"})
    ran = command_verify()
    assert (ran.code, secure.authorization) == (0, None)
    assert "/_doc, without any credential\n" in ran.out


def test_ocss_own_uri_is_where_both_messages_go(command_verify: Command, server: Cluster) -> None:
    with receiver() as proxy:
        proxy.answer = lambda number: (201, json.dumps({"_index": INDEX.format(STREAM), "_id": str(number)}).encode())
        ran = command_verify("--ocs-uri", proxy.url)
        assert [len(proxy.bodies), len(proxy.headers)] == [2, 2]
        assert not any("Authorization" in headers for headers in proxy.headers)
    assert ran.code == 1  # that cluster has not got them
    assert posts(server) == 0
    assert deletions(server) == [f"/{INDEX.format(STREAM)}/_doc/{number}" for number in (1, 2)]


def test_ocss_own_uri_over_tls_needs_a_ca_that_is_trusted(command_verify: Command, server: Cluster) -> None:
    ca = CA()
    ca.cert_pem.write_to_path("ca.crt")
    answer = {"_index": INDEX.format(STREAM), "_id": "1"}
    with serving(Server(201, answer), ca.issue_cert("localhost")) as proxy:
        uri = f"https://localhost:{proxy.port}/ocs-campaign-groups-default/_doc"
        ran = command_verify("--ocs-uri", uri)
        assert (ran.code, proxy.requests) == (1, [])
        assert f"error: no answer from {uri}: TLS failed: " in ran.err
        assert "left" not in ran.err
        ran = command_verify("--ocs-uri", uri, "--ocs-ca-file", "ca.crt")
        assert [request[:2] for request in proxy.requests] == [("POST", "/ocs-campaign-groups-default/_doc")] * 2
    assert "checks failed: read back" in ran.err  # that cluster has not got them


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ocs-uri", "nonsense"], "--ocs-uri: 'ocs_uri' must be an address with a path"),
        (["--ocs-uri", ""], "--ocs-uri: 'ocs_uri' must be an address with a path"),
        (["--ocs-uri", "http://proxy:8080/"], "--ocs-uri: 'ocs_uri' must be an address with a path"),
        (["--ocs-uri", "http://u:pa55@proxy/x/_doc"], "--ocs-uri: it holds a user, and no secret belongs on a"),
        (["--ocs-uri", "http://proxy/ocs-campaign-groups-bar/_doc"], "--ocs-uri: OCS's URI leads to ocs-campaign-gro"),
        (["--ocs-ca-file", "ca"], "--ocs-ca-file: it goes with ocs_uri, which is not given"),
        (["--ocs-uri", "http://p/x", "--ocs-ca-file", "ca"], "--ocs-ca-file: --ocs-uri is http"),
        (["--ocs-uri", "https://p/x", "--ocs-ca-file", "absent"], "the CA file absent cannot be used"),
        (["--ocs-username", "ocs"], "--ocs-username: the password is missing"),
        (["--ocs-password-file", "password"], "--ocs-password-file: the user is missing"),
        (["--ocs-username", "ocs", "--ocs-password-file", "absent"], "--ocs-password-file: absent cannot be read"),
        (["--ocs-username", "ocs", "--ocs-password-file", "empty"], "--ocs-password-file: empty is empty"),
        (["--ocs-api-key-file", "two"], "--ocs-api-key-file: two holds more than one line"),
        (
            ["--ocs-username", "o", "--ocs-password-file", "password", "--ocs-api-key-file", "password"],
            "an API key, and",
        ),
    ],
)
def test_bad_options_are_usage_errors_and_nothing_is_posted(
    command_verify: Command, server: Cluster, arguments: list[str], says: str
) -> None:
    for name, secret in (("password", "pa55"), ("empty", ""), ("two", "pa55\npa55")):
        Path(name).write_text(secret, encoding="utf-8")
        Path(name).chmod(0o600)
    ran = command_verify(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "pa55" not in ran.err
    assert server.requests == []


def test_a_proxy_s_way_to_the_cluster_is_not_ocss(
    command_verify: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PROXY", "http://proxy.example:3128")
    ran = command_verify()
    assert ran.code == 2
    assert "which knows no proxy\nhint: name what OCS itself would post to: --ocs-uri" in ran.err


def test_the_second_message_is_none_and_names_the_first(command_verify: Command, server: Cluster) -> None:
    ran = command_verify("--keep")
    assert ran.code == 0
    assert server.letter is not None
    guid = server.message["GSW_CAMPAIGN_GROUP_GUID"]
    assert json.loads(server.letter["event"]["original"]) == {"ocs-elastic-verify": guid}


@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        ("event.original", '{"ocs-elastic-verify": "other"}', "word for word"),
        ("event.original", None, "word for word"),
        ("error.type", "pipeline_failure", "reason"),
        ("ocs.replay.state", "done", "to be replayed"),
        ("tags", None, "counted nowhere"),
    ],
)
def test_bad_dead_letter(command_verify: Command, server: Cluster, path: str, value: Any, check: str) -> None:
    server.spoil_letter = lambda letter: put(letter, path, value)
    ran = command_verify()
    assert ran.code == 1
    assert f"error: 1 of 44 checks failed: dead letter: {check}: {path}: expected " in ran.err
    assert (server.document, server.letter) == (None, None)


def test_bad_the_stream_takes_what_is_no_message(command_verify: Command, server: Cluster) -> None:
    server.letters = STREAM
    ran = command_verify()
    assert ran.code == 1
    assert f"a dead letter: stream: expected '{DEAD_LETTERS}', found '{STREAM}'" in ran.err
    assert (server.document, server.letter) == (None, None)


def test_bad_what_is_no_message_is_refused(command_verify: Command, server: Cluster) -> None:
    """The first message was taken by then."""
    server.answer_to_letter = 400, {"error": {"type": "illegal_argument_exception", "reason": "no"}}
    ran = command_verify()
    assert (ran.code, ran.out) == (1, "")
    assert "refused the message that must become a dead letter: 400 illegal_argument_exception: no\n" in ran.err
    assert server.document is None
    assert deletions(server) == [DOCUMENT]


@pytest.mark.parametrize("refused", [False, True])
def test_bad_the_failure_store_has_it(command_verify: Command, server: Cluster, refused: bool) -> None:
    """As 8.19 and 9.1 answer; the operator may not be allowed to delete there."""
    server.failure_store, server.refuses_delete = "used", refused
    server.spoil = lambda document: put(document, "error", {"type": "document_parsing_exception", "message": "so bad"})
    ran = command_verify()
    assert ran.code == 1
    assert "not in the failure store: failure store: expected 'not used', found 'used'" in ran.err
    assert "error.message: expected nothing, found 'so bad'" in ran.out
    assert "dead letter: not in the failure store" in ran.out
    paths = [path.replace(".ds-", ".fs-") for path in (DOCUMENT, DEAD_LETTER)]
    assert deletions(server) == paths
    for path in paths:
        assert (f"\nstill there: {path[1:]}" in ran.out) is refused


@pytest.mark.parametrize("said", ["not_applicable_or_unknown", "not_enabled"])
def test_a_server_that_speaks_of_its_failure_store_has_not_used_it(
    command_verify: Command, server: Cluster, said: str
) -> None:
    server.failure_store = said
    assert command_verify().code == 0


def test_an_interrupted_second_post_takes_the_first_message_away(
    server: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def second_interrupted(message: Message, target: Target) -> Answer:
        if "GSW_" not in message.text:
            raise KeyboardInterrupt
        return post_one(message, target)

    monkeypatch.setattr("toolkit.uses.outbox.post_one", second_interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_verify(server, f"{server.url}/{STREAM}/_doc")
    assert server.document is None
    assert deletions(server) == [DOCUMENT]
    guid = server.message["GSW_CAMPAIGN_GROUP_GUID"]
    said = capsys.readouterr().err
    assert (
        f'if it was taken after all, a dead letter whose event.original is {{"ocs-elastic-verify":"{guid}"}} is' in said
    )


def test_a_second_interruption_names_what_is_not_deleted_yet(
    server: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.uses.verify._reads", interrupted)
    monkeypatch.setattr("toolkit.client.transport.Transport.delete", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_verify(server, f"{server.url}/{STREAM}/_doc")
    said = capsys.readouterr().err
    assert f"left behind: {DOCUMENT[1:]} (interrupted)\nleft behind: {DEAD_LETTER[1:]} (interrupted)\n" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("refused", [False, True])
def test_an_interruption_deletes_the_message_or_says_that_it_stays(
    server: Cluster, number: signal.Signals, refused: bool
) -> None:
    server.refuses_delete = refused
    server.go_on.clear()
    process = interrupted(server, number)
    assert process.returncode != 0
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    assert deletions(server) == [DOCUMENT, DEAD_LETTER]
    for path in (DOCUMENT, DEAD_LETTER):
        assert (f"left behind: {path[1:]}" in process.stderr) is refused
    assert (server.document is None) is (server.letter is None) is not refused


def interrupted(server: Cluster, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    """A `verify` that gets the signal while it reads its message back."""
    environment = {**os.environ, "ELASTICSEARCH_URL": server.url}
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", "verify"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - the child runs nothing else
    ) as process:
        assert server.reading.wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
