"""`ocs-elastic verify`: each way in which it can fail, what it says then, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.unit.cluster import CATALOGUE, DEAD_LETTERS, ID, INDEX, STREAM, Cluster, put
from tests.unit.commands import Command, command
from tests.unit.receiver import receiver
from toolkit.client.connect import connect
from toolkit.config import Connection, Settings
from toolkit.errors import UnreachableError
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target, parse_target
from toolkit.ocs.tally import Answer
from toolkit.output.console import TerminalProgress
from toolkit.uses.verify import Verification, verify

DOCUMENT = f"/{INDEX.format(STREAM)}/_doc/{ID}"


@pytest.fixture(name="command_verify")
def _command_verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("verify", *arguments)


def posts(server: Cluster) -> int:
    return sum(request.startswith("POST") and request.endswith("/_doc") for request in server.requests)


def test_all_is_well(command_verify: Command, server: Cluster) -> None:
    ran = command_verify()
    assert (ran.code, ran.err) == (0, "")
    assert f"One message to {server.url}/{STREAM}/_doc" in ran.out
    assert "FAILED" not in ran.out
    assert " checks ok in 0." in ran.out
    assert server.document is None
    assert server.requests[-1] == f"DELETE {DOCUMENT}"
    assert posts(server) == 1


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
    assert (ran.code, found["ok"], found["left"]) == (0, True, False)
    assert (found["index"], found["id"]) == (INDEX.format(STREAM), ID)
    checks = {check["name"]: check for check in found["checks"]}
    assert checks.keys() >= CATALOGUE.attributes.keys()
    assert checks["GSW_CAMPAIGN_GROUP_STATE"]["found"] == {
        "ocs.campaign_group.state.code": 5,
        "ocs.campaign_group.state.label": "Running",
    }
    assert all(check["ok"] for check in checks.values())


def test_kept_is_not_deleted(command_verify: Command, server: Cluster) -> None:
    ran = command_verify("--keep")
    assert ran.code == 0
    assert f"the message is still there: {DOCUMENT[1:]}" in ran.out
    assert server.document is not None
    assert not any(request.startswith("DELETE") for request in server.requests)


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
    failed = [check["name"] for check in json.loads(ran.out)["checks"] if not check["ok"]]
    assert "GSW_TENANT_NAME" in failed
    assert "calling lists" in failed
    assert f"{len(failed)} of " in ran.err
    assert ran.err.count("\n") == 2


def test_bad_a_dead_letter_says_why_and_is_deleted(command_verify: Command, server: Cluster) -> None:
    server.stream = DEAD_LETTERS
    server.spoil = lambda document: document.update(error={"type": "campaign_group", "message": "so bad"})
    ran = command_verify()
    assert ran.code == 1
    assert f"stream: expected '{STREAM}', found '{DEAD_LETTERS}'" in ran.err
    assert "error.message: expected nothing, found 'so bad'" in ran.out
    assert server.document is None
    assert server.requests[-1] == f"DELETE /{INDEX.format(DEAD_LETTERS)}/_doc/{ID}"


@pytest.mark.parametrize(
    ("status", "type_", "hint"),
    [
        (401, "security_exception", "API key"),
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
    assert "checks failed: found: expected True, found False" in ran.err
    assert server.requests[-1] == f"DELETE {DOCUMENT}"


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
    assert f"the message is still there: {DOCUMENT[1:]}" in ran.out


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


def test_an_interrupted_post_says_what_may_be_left(
    server: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(message: Message, target: Target) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.uses.verify.post_one", interrupted)
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
    assert server.requests[-1] == f"DELETE {DOCUMENT}"
    assert (f"left behind: {DOCUMENT[1:]}" in process.stderr) is refused
    assert (server.document is None) is not refused


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
