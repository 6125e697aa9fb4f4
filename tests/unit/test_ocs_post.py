"""Posting: once each, in a group's order, over kept connections; what fails is counted and never repeated."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bodies import CATALOGUE, START_MS
from tests.unit.receiver import CREATED, Receiver, receiver
from toolkit.errors import RejectedError, ToolkitError, UnreachableError, UsageError
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target, check, parse_target, post
from toolkit.ocs.tally import Answer


@pytest.fixture(name="server")
def _server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def messages(count: int, groups: int = 10, odd_percent: int = 0) -> Iterator[Message]:
    return Feed(count, groups=groups, odd_percent=odd_percent).messages(CATALOGUE, START_MS)


def test_each_message_arrives_once_and_a_groups_in_their_order(server: Receiver) -> None:
    answers: list[Answer] = []
    tally = post(messages(400), parse_target(server.url), concurrency=4, on_answer=answers.append)
    assert Counter(server.bodies) == Counter(message.text for message in messages(400))
    sent, arrived = defaultdict(list), defaultdict(list)
    for message in messages(400):
        sent[json.loads(message.text)["GSW_CAMPAIGN_GROUP_GUID"]].append(message.text)
    for body in server.bodies:
        arrived[json.loads(body)["GSW_CAMPAIGN_GROUP_GUID"]].append(body)
    assert arrived == sent
    assert (tally.all.posted, tally.all.accepted, tally.all.refused) == (400, 400, 0)
    assert {(a.status, a.index, a.id, a.error) for a in answers} == {(201, ".ds-x-000001", "an-id", None)}
    assert Counter(a.message.text for a in answers) == Counter(server.bodies)


def test_connections_are_kept(server: Receiver) -> None:
    post(messages(300), parse_target(server.url), concurrency=3)
    assert server.connections == 3


def test_requests_look_like_json_posts(server: Receiver) -> None:
    url = server.url.replace("http://", "http://ocs:p%40ss%3Aw@") + "?pipeline=x"
    post(messages(1), parse_target(url, headers={"X-Site": "North"}))
    assert server.paths == ["/sim-x/_doc?pipeline=x"]
    assert server.headers[0]["Content-Type"] == "application/json"
    assert server.headers[0]["X-Site"] == "North"
    assert base64.b64decode(server.headers[0]["Authorization"].removeprefix("Basic ")) == b"ocs:p@ss:w"


def test_nothing_is_ever_sent_twice_although_the_server_hangs_up(server: Receiver) -> None:
    server.answer = lambda number: None if number % 3 == 0 else (201, CREATED)
    tally = post(messages(90), parse_target(server.url), concurrency=2)
    assert Counter(server.bodies) == Counter(message.text for message in messages(90))
    assert (tally.all.posted, tally.all.accepted, tally.all.refused) == (90, 60, 30)
    assert tally.reasons == {"connection closed": 30}
    assert 30 <= server.connections <= 32


def test_a_refusal_is_counted_with_the_servers_reason(server: Receiver) -> None:
    error = {"error": {"type": "document_parsing_exception", "reason": "failed to parse"}, "status": 400}
    server.answer = lambda number: (400, json.dumps(error).encode()) if number % 2 else (201, CREATED)
    tally = post(messages(100, odd_percent=60), parse_target(server.url), concurrency=1)
    assert tally.reasons == {"400 document_parsing_exception": 50}
    assert tally.details["400 document_parsing_exception"] == "failed to parse"
    found = tally.to_json()
    assert (found["posted"], found["accepted"], found["refused"]) == (100, 50, 50)
    assert sum(each["posted"] for each in found["odd"].values()) == 60
    assert all(each["posted"] == each["accepted"] + each["refused"] for each in found["odd"].values())
    assert found["reasons"] == [{"reason": "400 document_parsing_exception", "count": 50, "first": "failed to parse"}]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b"<html>busy</html>", "503 Service Unavailable"),
        (400, b'{"error":"no handler found","status":400}', "400 Bad Request"),
        (401, b"", "401 Unauthorized"),
        (302, b"", "302 Found"),
        (413, b"[1]", "413 Request Entity Too Large"),
        (500, b"\xff\xfe", "500 Internal Server Error"),
    ],
)
def test_any_answer_but_success_is_a_refusal(server: Receiver, status: int, body: bytes, reason: str) -> None:
    server.answer = lambda _: (status, body)
    assert post(messages(3), parse_target(server.url)).reasons == {reason: 3}


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"_id": 1'])
def test_a_success_needs_no_particular_body(server: Receiver, body: bytes) -> None:
    server.answer = lambda _: (200, body)
    assert post(messages(3), parse_target(server.url)).all.accepted == 3


def test_a_server_that_is_not_there_refuses_everything_without_a_second_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        target = parse_target(f"http://127.0.0.1:{taken.getsockname()[1]}/sim-x/_doc")
        tally = post(messages(20), target)
        assert tally.reasons == {"connection refused": 20}
        with pytest.raises(UnreachableError, match="no answer from"):
            check(target)


def test_a_server_that_says_nothing_is_given_up_after_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("http", "127.0.0.1", listener.getsockname()[1], "/x/_doc", timeout_s=0.2)
        assert post(messages(2, groups=1), target).reasons == {"no answer in time": 2}


def test_an_idle_connection_that_the_server_closed_costs_no_message() -> None:
    """A proxy hangs up after a minute of silence; the next message must not be lost to that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = parse_target(f"http://127.0.0.1:{listener.getsockname()[1]}/x/_doc")
        served = threading.Event()

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 20)
                    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
                served.set()

        def slowly() -> Iterator[Message]:
            first, second = messages(2, groups=1)
            yield first
            served.wait(5)
            time.sleep(0.1)
            yield second

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert post(slowly(), target).all.accepted == 2
        thread.join()


def test_an_interrupted_run_stops_and_knows_what_was_answered(server: Receiver) -> None:
    stop = threading.Event()
    answers: list[Answer] = []

    def on_answer(answer: Answer) -> None:
        answers.append(answer)
        if len(answers) == 20:
            stop.set()

    began = time.monotonic()
    tally = post(messages(100_000), parse_target(server.url), concurrency=4, on_answer=on_answer, stop=stop)
    assert time.monotonic() - began < 10
    assert 20 <= tally.all.posted == len(answers) == len(server.bodies) < 5000


def test_answers_are_told_by_the_calling_thread_alone(server: Receiver) -> None:
    threads = set()
    post(messages(50), parse_target(server.url), on_answer=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_what_goes_wrong_while_messages_are_made_is_raised(server: Receiver) -> None:
    def broken() -> Iterator[Message]:
        yield from messages(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post(broken(), parse_target(server.url))


def test_what_goes_wrong_with_an_answer_ends_the_run(server: Receiver) -> None:
    def broken(_: Answer) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post(messages(100_000), parse_target(server.url), on_answer=broken)


def test_the_rate_is_an_upper_limit(server: Receiver) -> None:
    began = time.monotonic()
    post(messages(60), parse_target(server.url), rate=100)
    assert time.monotonic() - began > 0.5


def test_memory_does_not_grow_with_what_is_posted() -> None:
    def peak(count: int) -> int:
        with receiver() as server:
            server.bodies = server.headers = server.paths = _Forgetful()
            tracemalloc.start()
            post(messages(count), parse_target(server.url))
            result = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return result

    peak(50)
    assert peak(2000) < 3 * peak(200)


class _Forgetful(list[Any]):
    def append(self, _: Any) -> None:
        """Keep nothing."""


@pytest.mark.parametrize(
    ("url", "shown", "stream"),
    [
        ("http://host:9200/a/_doc", "http://host:9200/a/_doc", "/a"),
        ("https://u:secret@host/base/a/_doc?x=secret", "https://host:443/base/a/_doc", "/base/a"),
        ("http://[::1]:9200/a/_doc/", "http://[::1]:9200/a/_doc/", "/a"),
        ("http://host", "http://host:80/", None),
    ],
)
def test_a_target_is_shown_without_its_secrets(url: str, shown: str, stream: str | None) -> None:
    target = parse_target(url)
    assert str(target) == shown
    assert target.stream == stream
    assert "secret" not in f"{target} {target!r}".replace("x=secret", "")


@pytest.mark.parametrize(
    "url",
    ["", "host", "host:9200/a", "ftp://h/a", "http://", "http://h:no/a", "http://h/a b", "http://h/ä", "http://h\n"],
)
def test_what_is_no_address_is_a_usage_error_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(url.replace("://", "://me:secret@"))
    assert "--url" in caught.value.reason
    assert "secret" not in f"{caught.value.reason} {caught.value.hint}"


def test_a_ca_file_that_cannot_be_used_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(UsageError, match="CA file"):
        post(messages(1), parse_target("https://127.0.0.1:1/a/_doc", ca_file=tmp_path / "ca.pem"))


@pytest.mark.parametrize(("status", "error"), [(404, ToolkitError), (401, RejectedError), (503, RejectedError)])
def test_the_check_says_what_is_in_the_way(server: Receiver, status: int, error: type[ToolkitError]) -> None:
    server.answer = lambda _: (status, b"")
    with pytest.raises(error) as caught:
        check(parse_target(server.url))
    assert server.paths == ["/sim-x"]
    if status == 404:
        assert "no data stream 'sim-x'" in caught.value.reason
        assert "demo --keep" in str(caught.value.hint)


@pytest.mark.parametrize("status", [200, 403, 405])
def test_the_check_lets_a_credential_pass_that_may_only_write(server: Receiver, status: int) -> None:
    server.answer = lambda _: (status, b"")
    check(parse_target(server.url))
    assert server.bodies == []


def test_a_feed_is_read_only_as_fast_as_it_is_posted(server: Receiver) -> None:
    read = 0

    def counted() -> Iterator[Message]:
        nonlocal read
        for message in messages(100_000):
            read += 1
            yield message

    gate = threading.Event()
    server.answer = lambda _: (201, CREATED) if gate.wait(5) else None
    run = threading.Thread(
        target=post, args=(islice(counted(), 1000), parse_target(server.url)), kwargs={"concurrency": 2}, daemon=True
    )
    run.start()
    time.sleep(0.5)
    assert read < 100
    gate.set()
    run.join()
    assert len(server.bodies) == 1000
