"""`ocs-elastic listen` on a real port: what is shown, what is kept, and what a hostile sender achieves (nothing)."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty
from threading import Event
from typing import Any

import pytest
from trustme import CA

from tests.unit.commands import command
from tests.unit.tls import with_ca
from toolkit.capabilities import of_elasticsearch
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import ToolkitError, UnreachableError, UsageError
from toolkit.listen import server as listen_server
from toolkit.listen.check import Checked, Level
from toolkit.listen.request import Trouble
from toolkit.listen.server import Listener, listening, server_tls
from toolkit.listen.summary import Summary
from toolkit.output import listen as shown
from toolkit.uses.listen import Listening, Preview, Samples

RUN = Listening(Settings())
CATALOGUE = RUN.catalogue
PATH = "/ocs-campaign-groups-default/_doc"
JSON = {"Content-Type": "application/json"}
MESSAGE = {
    "GSW_TENANT_NAME": "Müller & Söhne",
    "GSW_TENANT_CCID": "101",
    "GSW_CAMPAIGN_GROUP_NAME": "Winter@Team North",
    "GSW_CAMPAIGN_GROUP_GUID": "7A91C12C-2CAC-4E4A-88A8-488880CDF3F1",
    "GSW_GROUP_NAME": "Team North",
    "GSW_CAMPAIGN_NAME": "Winter",
    "GSW_QUEUE_NAME": "8001@Switch",
    "GSW_CAMPAIGN_GROUP_STATE": 4,
    "GSW_CAMPAIGN_GROUP_ACTION": 7,
    "GSW_CAMPAIGN_GROUP_ACTOR": 5,
    "GSW_DATE_TIME": "1524768780.123",
}


@dataclass
class Port:
    """A listener that runs, and what it heard."""

    listener: Listener
    run: Listening

    @property
    def number(self) -> int:
        return int(self.listener.server_address[1])

    def heard(self, timeout_s: float = 5) -> Checked | Trouble:
        return self.listener.heard.get(timeout=timeout_s)

    def request(self) -> Checked:
        found = self.heard()
        assert isinstance(found, Checked), found
        return found

    def trouble(self) -> Trouble:
        found = self.heard()
        assert isinstance(found, Trouble), found
        return found

    def raw(self, *parts: bytes, read: bool = True) -> bytes:
        """What is answered to bytes as they stand; empty where the connection was ended without a word."""
        with socket.create_connection(("127.0.0.1", self.number), timeout=5) as sender:
            for part in parts:
                sender.sendall(part)
            answer = b""
            try:
                while read and (more := sender.recv(65536)):
                    answer += more
            except ConnectionResetError:
                pass
            return answer

    def post(self, body: bytes | str | dict[str, Any], headers: dict[str, str] | None = None, path: str = PATH) -> int:
        status, _ = self.posted(body, headers, path)
        return status

    def posted(
        self, body: bytes | str | dict[str, Any], headers: dict[str, str] | None = None, path: str = PATH
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.number, timeout=5)
        connection.putrequest("POST", path)
        data = json.dumps(body, ensure_ascii=False).encode() if isinstance(body, dict) else body
        data = data.encode() if isinstance(data, str) else data
        for name, value in (JSON if headers is None else headers).items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, json.loads(text)


@contextmanager
def port(**options: Any) -> Iterator[Port]:
    run = copy.copy(RUN)
    run.summary = Summary(run.catalogue)
    with Listener("127.0.0.1", 0, run.judge, **options) as listener, listening(listener):
        yield Port(listener, run)


@pytest.fixture(name="opened")
def _opened() -> Iterator[Port]:
    with port() as found:
        yield found


def whats(checked: Checked, level: Level | None = None) -> list[str]:
    return [finding.what for finding in checked.findings if level is None or finding.level is level]


# What is said of a request


def test_a_message_as_documented_leaves_nothing_to_remark(opened: Port) -> None:
    status, answer = opened.posted(MESSAGE)
    assert (status, answer["result"]) == (201, "created")
    found = opened.request()
    assert found.findings == ()
    assert (found.message, found.encoding, found.of_ocs) == (MESSAGE, "UTF-8", True)
    assert json.loads(found.json_text or "") == MESSAGE


@pytest.mark.parametrize(
    ("change", "level", "attribute", "what"),
    [
        ({"GSW_DIAL_MODE": 99}, Level.ASIDE, "GSW_DIAL_MODE", "unknown code of CfgDialMode"),
        ({"GSW_DIAL_MODE": "5"}, Level.NOTE, "GSW_DIAL_MODE", "string, where number is documented"),
        ({"GSW_DIAL_MODE": "five"}, Level.ASIDE, "GSW_DIAL_MODE", "no whole number"),
        ({"GSW_DIAL_MODE": True}, Level.ASIDE, "GSW_DIAL_MODE", "no whole number"),
        ({"GSW_QUEUE_NAME": None}, Level.NOTE, "GSW_QUEUE_NAME", "null"),
        ({"GSW_QUEUE_NAME": 8001}, Level.NOTE, "GSW_QUEUE_NAME", "number, where string is documented"),
        ({"GSW_QUEUE_NAME": "x" * 1025}, Level.ASIDE, "GSW_QUEUE_NAME", "no name of at most"),
        ({"GSW_STAT_HIT_RATIO": -1}, Level.ASIDE, "GSW_STAT_HIT_RATIO", "no statistic"),
        ({"GSW_STAT_HIT_RATIO": "NaN"}, Level.ASIDE, "GSW_STAT_HIT_RATIO", "no statistic"),
        ({"GSW_DATE_TIME": "yesterday"}, Level.ASIDE, "GSW_DATE_TIME", "no time"),
        ({"GSW_DATE_TIME": "99999999999.0"}, Level.ASIDE, "GSW_DATE_TIME", "no time"),
        ({"GSW_DATE_TIME": 1524768780}, Level.NOTE, "GSW_DATE_TIME", "number, where string is documented"),
        ({"GSW_NEWS": {"a": 1}}, Level.ASIDE, "GSW_NEWS", "unknown attribute (object)"),
        ({"GSW_LISTS": [{"GSW_STAT_HIT_RATIO": 0.1}]}, Level.NOTE, "GSW_LISTS", "the calling lists' figures, as array"),
        ({"GSW_CAMPAIGN_GROUP_STATE": 5}, Level.NOTE, "GSW_DIAL_MODE", "missing, and documented for a running group"),
    ],
)
def test_what_is_not_as_documented_is_said(
    opened: Port, change: dict[str, Any], level: Level, attribute: str, what: str
) -> None:
    assert opened.post(MESSAGE | change) == 201
    (finding,) = opened.request().findings
    assert (finding.level, finding.attribute) == (level, attribute)
    assert finding.what.startswith(what)


def test_every_attribute_that_is_always_there_is_missed(opened: Port) -> None:
    always = [a.name for a in CATALOGUE.attributes.values() if a.present == "always"]
    for name in always:
        opened.post({key: value for key, value in MESSAGE.items() if key != name})
        assert [(f.attribute, f.what) for f in opened.request().findings] == [
            (name, "missing, and documented to be always there")
        ]


def test_a_foreign_message_is_a_dead_letter(opened: Port) -> None:
    assert opened.post({"temperature": 20}) == 201
    found = opened.request()
    assert whats(found) == ["not a single attribute of OCS: it becomes a dead letter"]
    assert not found.of_ocs


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "an empty body"),
        (b"  \n", "an empty body"),
        (b"{", "no JSON"),
        (b"GSW_TENANT_NAME=T", "no JSON"),
        (b'{"a": 1,}', "no JSON"),
        (b'{"a": "\x1b"}', "no JSON"),
        (b"[1]", "not an object but array"),
        (b'"x"', "not an object but string"),
        (b'{"a": NaN}', "NaN or Infinity"),
        (b'{"a": 1, "a": 2}', "duplicate keys"),
        (b'{"a": {"b": 1, "b": 1}}', "duplicate keys"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of more than 1000 digits"),
        ('{"GSW_TENANT_NAME": "Müller"}'.encode("latin-1"), "bytes that are not UTF-8"),
        ('{"GSW_TENANT_NAME": "T"}'.encode("utf-16"), "bytes that are not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_elasticsearch_refuses_is_refused_with_the_reason(opened: Port, body: bytes, what: str) -> None:
    assert opened.post(body) == 400
    lost = whats(opened.request(), Level.LOST)
    assert any(reason.startswith(what) for reason in lost), lost


def test_latin_1_is_named_with_its_byte_and_still_looked_into(opened: Port) -> None:
    opened.post(json.dumps(MESSAGE, ensure_ascii=False).encode("latin-1"))
    found = opened.request()
    (finding,) = found.findings
    assert finding.detail.startswith("byte 0xFC at ")
    assert "Müller" in finding.detail
    assert found.message == MESSAGE
    assert found.json_text is None  # no cluster would read it


def test_what_follows_the_object_is_lost_without_a_word_of_elasticsearch(opened: Port) -> None:
    assert opened.post('{"GSW_TENANT_NAME": "T"} {"GSW_TENANT_NAME": "U"}') == 201
    assert any(what.startswith("something follows") for what in whats(opened.request(), Level.LOST))


def test_a_byte_order_mark_is_said(opened: Port) -> None:
    assert opened.post(b"\xef\xbb\xbf" + json.dumps(MESSAGE, ensure_ascii=False).encode()) == 201
    assert whats(opened.request()) == ["a byte order mark before the JSON: Elasticsearch takes it"]


def test_a_deep_message_is_taken_and_no_cluster_is_asked(opened: Port) -> None:
    assert opened.post('{"GSW_TENANT_NAME": "T", "deep": ' + "[" * 150 + "]" * 150 + "}") == 201
    found = opened.request()
    assert found.json_text is None
    assert any(what.startswith("nested deeper than 100") for what in whats(found, Level.ASIDE))


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("Application/JSON;charset=UTF-8", 201),
        ("application/json; charset=ISO-8859-1", 201),
        ("text/plain", 406),
        ("text/json", 406),
        ("application/x-www-form-urlencoded", 406),
        ("json", 400),
        ("", 400),
        (None, 406),
    ],
)
def test_a_content_type_is_answered_as_elasticsearch_does(opened: Port, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert opened.post(MESSAGE, headers) == status
    found = opened.request()
    assert (found.status, bool(whats(found, Level.LOST))) == (status, status != 201)
    assert any("charset" in what for what in whats(found, Level.NOTE)) is ("8859" in str(content_type))


def test_a_path_that_adds_no_document_is_said(opened: Port) -> None:
    opened.post(MESSAGE, path="/")
    assert whats(opened.request()) == ["the path is not /<stream>/_doc, so it adds no document"]


def test_a_status_can_be_asked_for(tmp_path: Path) -> None:
    with port(status=503) as opened:
        assert opened.post(MESSAGE) == 503
        assert opened.request().status == 201


def test_other_methods_are_taken_and_store_nothing(opened: Port) -> None:
    assert opened.raw(b"HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")
    assert opened.request().status == 200
    assert opened.raw(b"BREW /x HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    assert whats(opened.request()) == ["not a POST: nothing would be stored"]


# Connections and limits


def test_kept_connections_and_chunks_are_seen(opened: Port) -> None:
    body = json.dumps(MESSAGE).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:50], body[50:])) + b"0\r\nX: y\r\n\r\n"
    head = b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Type: application/json\r\n"
    answer = opened.raw(
        head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
    )
    assert answer.count(b"HTTP/1.1 201 ") == 2
    first, second = opened.request(), opened.request()
    assert (first.received.nth, first.received.stays_open) == (1, True)
    assert (second.received.nth, second.received.stays_open) == (2, False)
    assert second.message == MESSAGE
    assert whats(second) == ["the body came in chunks; Elasticsearch takes them"]


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_sender_that_asks_before_it_sends_its_body_is_told_to_go_on(opened: Port, version: bytes) -> None:
    """By `Expect: 100-continue`. It waits for that; HTTP/1.0 knows no such thing, and is not told."""
    body = json.dumps(MESSAGE).encode()
    head = b"POST " + PATH.encode() + b" HTTP/" + version + b"\r\nContent-Type: application/json\r\n"
    head += b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", opened.number), timeout=2) as sender:
        sender.sendall(head)
        if version == b"1.1":
            assert sender.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sender.sendall(body)
        assert sender.recv(65536).startswith(b"HTTP/1.1 201 ")
    assert opened.request().message == MESSAGE


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"\x16\x03\x01\x02\x00\x01", b"", "TLS to a port of plain HTTP"),
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400", "no HTTP request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 505", "no HTTP request"),
        (b"POST / HTTP/9.9x\r\n\r\n", b"HTTP/1.1 400", "no HTTP request"),
        (b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 414", "no HTTP request"),
        (b"POST / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", b"HTTP/1.1 431", "no HTTP request"),
        (b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"HTTP/1.1 431", "no HTTP request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"HTTP/1.1 413", "a body that is too large"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 400", "a body whose end cannot be known"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", b"HTTP/1.1 400", "a body whose end cannot be known"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 400",
            "a body whose end cannot be known",
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 400",
            "a body whose end cannot be known",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
            b"HTTP/1.1 413",
            "a body that is too large",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 400",
            "a body whose end cannot be known",
        ),
        (b"POST / HTTP/1.1\r\nno colon\r\nA: b\r\n\r\n", b"HTTP/1.1 400", "headers that cannot be read"),
    ],
)
def test_what_is_no_request_is_said_and_ends_nothing(opened: Port, sent: bytes, status: bytes, kind: str) -> None:
    assert opened.raw(sent).startswith(status)
    assert opened.trouble().kind == kind
    assert opened.post(MESSAGE) == 201
    assert opened.request().received.number == 1


@pytest.mark.parametrize(
    "sent", [b"POST / HT", b"POST / HTTP/1.1\r\nA: b\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"]
)
def test_a_sender_that_hangs_up_is_said(opened: Port, sent: bytes) -> None:
    opened.raw(sent, read=False)
    assert opened.trouble().kind in ("the sender hung up", "no HTTP request")
    assert opened.post(MESSAGE) == 201


@pytest.mark.parametrize("first", [b"P", b"POST / HTTP/1.1\r\nA:", b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n"])
def test_a_slow_sender_is_hung_up_however_busy_it_is(
    opened: Port, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    """A byte now and then keeps every time-out of a socket away; the limit is on the whole request."""
    monkeypatch.setattr(listen_server, "REQUEST_S", 0.5)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", opened.number), timeout=5) as sender:
        sender.sendall(first)
        with pytest.raises(OSError, match=r"[Bb]roken pipe|reset|abort"):
            drip(sender, 10)
    assert time.monotonic() - began < 5
    assert opened.trouble().kind in ("too slow", "no HTTP request")


def drip(sender: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sender.sendall(b"x")
        time.sleep(0.05)


def test_an_idle_connection_is_ended_without_a_word(opened: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen_server, "IDLE_S", 0.3)
    assert opened.raw() == b""
    with pytest.raises(Empty):
        opened.heard(timeout_s=0.2)


def test_too_many_connections_are_refused_and_those_that_are_there_go_on(
    opened: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_server, "CONNECTIONS_MAX", 2)
    with (
        socket.create_connection(("127.0.0.1", opened.number), timeout=5),
        socket.create_connection(("127.0.0.1", opened.number), timeout=5) as second,
    ):
        assert opened.raw() == b""
        assert opened.trouble().kind == "too many connections"
        second.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert second.recv(100).startswith(b"HTTP/1.1 200 ")
    opened.request()
    until(lambda: opened.post(MESSAGE) == 201)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass  # not yet
        time.sleep(0.05)
    pytest.fail("in vain")


def test_a_flood_is_dropped_not_kept(opened: Port) -> None:
    for _ in range(60):
        opened.raw(b"\x16")
    until(lambda: opened.listener.dropped == 60 - opened.listener.heard.maxsize)


def test_a_request_waits_for_room(opened: Port) -> None:
    """Nothing that was answered 201 is missing from what is shown."""
    threads = [threading.Thread(target=opened.post, args=(MESSAGE,)) for _ in range(50)]
    for thread in threads:
        thread.start()
    assert sorted(opened.request().received.number for _ in threads) == list(range(1, 51))
    for thread in threads:
        thread.join()


def test_after_enough_no_more_are_taken() -> None:
    with port(count=1) as opened:
        assert opened.post(MESSAGE) == 201
        assert opened.post(MESSAGE) == 503
        assert [heard for heard, _ in opened.run.heard(opened.listener, Event())] != []
        assert opened.run.summary.requests == 1


def test_a_port_in_use_is_an_error_with_a_remedy(opened: Port) -> None:
    with pytest.raises(ToolkitError, match=f"cannot listen at 127.0.0.1 port {opened.number}: ") as error:
        Listener("127.0.0.1", opened.number, opened.run.judge)
    assert error.value.hint == "choose another with --port"
    with pytest.raises(ToolkitError, match=r"cannot listen at no\.such\.host\.invalid") as error:
        Listener("no.such.host.invalid", 0, opened.run.judge)
    assert "--address" in str(error.value.hint)
    with pytest.raises(ToolkitError, match=r"cannot listen at 192\.0\.2\.1 port 8080") as error:
        Listener("192.0.2.1", 8080, opened.run.judge)  # an address of nobody's
    assert "--address" in str(error.value.hint)


# TLS


def test_https_and_who_does_not_trust_it(tmp_path: Path) -> None:
    ca = CA()
    file = with_ca(ca.issue_cert("127.0.0.1"), ca, tmp_path / "server.pem")
    with port(tls=server_tls(file, None)) as opened:
        trusting = ssl.create_default_context()
        ca.configure_trust(trusting)
        url = f"https://127.0.0.1:{opened.number}{PATH}"
        request = urllib.request.Request(url, data=json.dumps(MESSAGE).encode(), headers=JSON)
        with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
            assert answer.status == 201
        assert str(opened.request().received.tls).startswith("TLSv1.")
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(request, timeout=5, context=ssl.create_default_context())
        found = opened.trouble()
        assert (found.kind, found.hint) == ("TLS failed", "the sender does not trust the CA of the certificate")
        opened.raw(b"GET / HTTP/1.1\r\n\r\n")
        found = opened.trouble()
        assert (found.kind, found.detail) == ("TLS failed", "HTTP_REQUEST")
        assert "plain http" in found.hint


def test_a_slow_handshake_is_hung_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen_server, "REQUEST_S", 0.4)
    ca = CA()
    file = with_ca(ca.issue_cert("127.0.0.1"), ca, tmp_path / "server.pem")
    with port(tls=server_tls(file, None)) as opened:
        began = time.monotonic()
        assert opened.raw(b"\x16\x03\x01") == b""
        assert time.monotonic() - began < 3
        assert opened.trouble().kind == "TLS failed"


def test_a_certificate_that_cannot_be_used_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_text("nonsense", encoding="utf-8")
    with pytest.raises(UsageError, match=r"--certificate .*x\.pem: cannot be used"):
        server_tls(file, None)


# What reaches the terminal


def test_nothing_that_is_sent_speaks_to_the_terminal(opened: Port) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2028"
    headers = {**JSON, "X-Evil": "\x1b[31m\x9b", "User-Agent": "\x1b]8;;http://x\x07"}
    body = json.dumps(MESSAGE | {"GSW_QUEUE_NAME": evil, f"GSW_{evil}": evil}, ensure_ascii=False).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
    opened.raw(
        b"POST /\x1b[2Jx HTTP/1.1\r\nConnection: close\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    opened.post(b'{"GSW_TENANT_NAME": "' + evil.encode() + b'"}')  # unescaped, so no JSON
    opened.raw(b"\x1b[2J\x9b \x1b \x1b\r\n\r\n")
    for _ in range(3):
        heard = opened.heard()
        opened.run.summary.add(heard)
        if isinstance(heard, Checked):
            text = shown.request(heard, None, 201, previewed=True)
            line = json.dumps(shown.request_json(heard, None, 201))
        else:
            text, line = shown.trouble(heard), json.dumps(shown.trouble_json(heard))
        for printed in (text, line):
            assert all(char == "\n" or char.isprintable() for char in printed), printed
    summary = shown.summary(opened.run.summary) + json.dumps(shown.summary_json(opened.run.summary, samples=None))
    assert all(char == "\n" or char.isprintable() for char in summary)
    assert "\\x1b" in summary


def test_a_body_cannot_pretend_to_be_a_line_of_ours(opened: Port) -> None:
    opened.post(b"{\n#2  POST /x\n  answered 201\r\n  ok\n")
    lines = shown.request(opened.request(), None, 400, previewed=False).splitlines()
    assert [line for line in lines if "answered 201" in line] == ["    |   answered 201"]
    assert [line for line in lines if line.startswith("#")] == ["#1  POST /ocs-campaign-groups-default/_doc HTTP/1.1"]


def test_a_huge_body_is_cut_on_the_screen(opened: Port) -> None:
    opened.post(MESSAGE | {"GSW_NEWS": "y" * 500_000})
    text = shown.request(opened.request(), None, 201, previewed=False)
    assert len(text) < 10_000
    assert "characters more)" in text


SECRETS = {
    "Authorization": "ApiKey c2VjcmV0LWtleTpzM2NyZXQ=",
    "Proxy-Authorization": "s3cret-without-scheme",
    "Cookie": "sid=s3cret",
    "X-Api-Key": "s3cret",
    "X-Auth": "s3cret",
    "X-Gateway-Token": "s3cret",
    "Private-Password": "s3cret",
    "X-Forwarded-For-Session": "s3cret",
    "X-Odd": "eyJhbGciOiJIUzI1NiJ9s3cret0123456789abcdef",
    "Referer": "https://ocs:s3cret@host/x",
}


ODD_SECRETS = [
    ("Host: ocs:s3cret@es.example:9200", "Host: ***@es.example:9200"),
    ("X-Pass: s3cret", "X-Pass: ***"),
    ("X-Login: s3cret", "X-Login: ***"),
    ("X-Forwarded: Basic s3cret", "X-Forwarded: Basic ***"),
    ("X-Site: Passau", "X-Site: Passau"),
]
ODD_PATHS = [
    ("http://ocs:pa/s3cret@h/x/_doc", "http://***@h/x/_doc"),
    ("http://ocs:pa@s3cret@h/x/_doc", "http://***@h/x/_doc"),
    ("http://ocs:pa?s3cret@h/x/_doc", "http://***@h/x/_doc"),
    ("ocs:s3cret@h:9200/x/_doc", "***@h:9200/x/_doc"),
    ("/x/_doc?to=http://ocs:s3cret@h", "/x/_doc?to=http://***@h"),
    ("/x/_doc?a=1;token=s3cret", "/x/_doc?a=1;token=***"),
    ("/x/_doc?p%61ssword=s3cret", "/x/_doc?p%61ssword=***"),
    ("/hook/s3cretAbcdefghijkl0123/_doc", "/hook/***/_doc"),
    ("/ocs-campaign-groups-bank_of_2026/_doc", "/ocs-campaign-groups-bank_of_2026/_doc"),
]


@pytest.mark.parametrize(("header", "seen"), ODD_SECRETS)
def test_a_secret_in_an_odd_header_is_masked(opened: Port, header: str, seen: str) -> None:
    """Some senders put the URI's own user and password into `Host`."""
    opened.raw(f"POST {PATH} HTTP/1.1\r\nConnection: close\r\n{header}\r\n\r\n".encode())
    found = opened.request()
    printed = shown.request(found, None, 201, previewed=False)
    assert f"    | {seen}\n" in printed
    assert "s3cret" not in printed + json.dumps(shown.request_json(found, None, 201))


@pytest.mark.parametrize(("path", "seen"), ODD_PATHS)
def test_a_secret_in_an_odd_path_is_masked(opened: Port, path: str, seen: str) -> None:
    opened.raw(f"POST {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    found = opened.request()
    assert shown.request_json(found, None, 201)["path"] == seen
    assert f"POST {seen} HTTP/1.1" in shown.request(found, None, 201, previewed=False)


@pytest.mark.parametrize(
    "line",
    [
        "POST http://ocs:s3cret@h/x HTTP/9.9x",
        "POST http://ocs:pass s3cret@h/x HTTP/1.1",
        "ocs:s3cret@h",
        "Authorization: Basic s3cret==",
        "X-Api-Key: and s3cret",
        "user=ocs&password=s3cret",
    ],
)
def test_what_is_no_request_shows_no_secret_either(opened: Port, line: str) -> None:
    """As after a body that is longer than its Content-Length says: any line may come where a request begins."""
    opened.raw(f"{line}\r\n\r\n".encode())
    found = opened.trouble()
    assert found.detail.startswith("400 Bad ")
    assert "***" in found.detail
    assert "s3cret" not in shown.trouble(found) + json.dumps(shown.trouble_json(found))


def test_what_is_no_request_is_shown_where_it_holds_no_secret(opened: Port) -> None:
    opened.raw(b"POST /x HTTP/9.9x\r\n\r\n")
    assert "POST /x HTTP/9.9x" in opened.trouble().detail


def test_secrets_are_masked_on_screen_in_json_and_in_samples(opened: Port, tmp_path: Path) -> None:
    samples = Samples(tmp_path / "s", CATALOGUE)
    opened.post(MESSAGE, {**JSON, **SECRETS}, path=f"{PATH}?api_key=s3cret&pretty=true&x=s3cretAbcdefghijkl0123")
    opened.raw(b"POST http://ocs:s3cret@h/x/_doc HTTP/1.1\r\nConnection: close\r\n\r\n")
    for _ in range(2):
        found = opened.request()
        opened.run.summary.add(found)
        samples.add(found)
        printed = shown.request(found, None, 201, previewed=False) + json.dumps(shown.request_json(found, None, 201))
        assert "s3cret" not in printed
        assert "c2VjcmV0" not in printed
    assert "pretty=true" in shown.request_json(found, None, 201)["path"] or found.received.number == 2
    summary = shown.summary(opened.run.summary)
    assert "s3cret" not in summary
    assert "credential: ApiKey (1), of another kind (1)" in summary
    assert "s3cret" not in (tmp_path / "s").read_text(encoding="utf-8")
    for name in SECRETS:
        assert name in printed or found.received.number == 2


# The command


def test_the_summary_answers_what_is_not_confirmed(opened: Port) -> None:
    with HTTPSender(opened) as sender:
        for _ in range(2):
            sender(MESSAGE, {**JSON, "X-Site": "Zürich".encode().decode("latin-1")})
    for _ in range(2):
        opened.run.summary.add(opened.request())
    answers = opened.run.summary.answers()
    assert answers["encoding"] == "UTF-8; 2 requests had characters beyond ASCII"
    assert answers["Content-Type"] == "application/json (2)"
    assert answers["request headers"] == "X-Site (2)"
    assert answers["credential"] == "none was sent"
    assert answers["TLS"] == "http (2)"
    assert answers["keep-alive"] == "yes: 1 of 2 requests came over a connection used before"
    text = shown.summary(opened.run.summary)
    assert "Attributes: 11 of 19 seen" in text
    assert "never seen: GSW_CAMPAIGN_TEMPLATE_NAME, GSW_DIAL_MODE" in text


def test_requests_without_a_body_say_nothing_of_the_encoding(opened: Port) -> None:
    opened.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    opened.run.summary.add(opened.request())
    answers = opened.run.summary.answers()
    assert answers["encoding"] == "not known: no body came"
    assert answers["keep-alive"] == "no: the sender ends the connection after each request"


class HTTPSender:
    """Posts over one connection."""

    def __init__(self, opened: Port) -> None:
        self.connection = HTTPConnection("127.0.0.1", opened.number, timeout=5)

    def __enter__(self) -> Callable[[dict[str, Any], dict[str, str]], None]:
        return self.post

    def post(self, message: dict[str, Any], headers: dict[str, str]) -> None:
        self.connection.request("POST", PATH, json.dumps(message, ensure_ascii=False).encode(), headers)
        self.connection.getresponse().read()

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def test_the_summary_does_not_grow_with_what_is_sent(opened: Port) -> None:
    for number in range(30):
        many = {f"GSW_VENDOR_{number}_{n}": n for n in range(100)}
        opened.post(MESSAGE | many, {**JSON, f"X-{number}": "x"})
        opened.run.summary.add(opened.request())
    assert len(opened.run.summary.types) <= 201
    assert len(opened.run.summary.findings) <= 201
    assert len(shown.summary(opened.run.summary)) < 20_000


class Gone(Transport):
    """A cluster that went away after it was looked at."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:  # noqa: ARG002 - the base's
        self.asked.append(body)
        raise UnreachableError("no answer from http://gone:9200")


def test_a_cluster_that_goes_away_ends_nothing(opened: Port) -> None:
    opened.run.asked = Preview(gone := Gone(), of_elasticsearch((8, 3, 3)), Settings())
    bodies = (
        '{"GSW_TENANT_NAME": "T", "x": 1.50}',
        '{"x": 9223372036854775808}',
        "[1]",
        '{"d": ' + "[" * 120 + "]" * 120 + "}",
    )
    for body in bodies:
        opened.post(body)
    heard = opened.run.heard(opened.listener, Event())
    documents = [next(heard)[1] for _ in bodies]
    assert [document and document.reason[:25] for document in documents] == [
        "no answer from http://gon",
        "it holds an integer beyon",
        None,
        None,
    ]
    (asked,) = gone.asked  # what is dangerous or senseless to ask about is not asked
    assert asked.endswith('"_source": {"GSW_TENANT_NAME": "T", "x": 1.50}}]}')
    assert "_meta" not in json.loads(asked)["pipeline"]


@contextmanager
def started(*arguments: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the URI that it prints."""
    line = [sys.executable, "-m", "toolkit", "listen", "--port", "0", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ELASTICSEARCH_", "OCS_ELASTIC_"))}
    with subprocess.Popen(
        line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"https?://\S+", first)
        assert found, first + process.stderr.read()
        try:
            yield process, found[0]
        finally:
            process.kill()


def simulate(url: str, count: int, *more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "toolkit", "simulate", "--url", url, "--count", str(count), "--no-check", *more]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_simulator_posts_to_it_and_count_ends_it(tmp_path: Path) -> None:
    with started("--count", "60", "--json", "--samples", "s.jsonl", tmp_path=tmp_path) as (process, url):
        done = simulate(url, 60, "--odd", "20", "--start", "2020-01-01")
        assert done.returncode == 0, done.stderr
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    *requests, summary = map(json.loads, out.splitlines())
    assert sorted(request["number"] for request in requests) == list(range(1, 61))
    assert {request["answered"] for request in requests} == {201}
    assert (summary["type"], summary["requests"], summary["samples"], summary["lost"]) == ("summary", 60, 60, 0)
    assert summary["never_seen"] == []
    assert "60 samples in s.jsonl" in err
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "s.jsonl").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("count", [None, 50])
def test_asked_to_end_it_sums_up(tmp_path: Path, number: int, count: int | None) -> None:
    with started(*(["--count", str(count)] if count else []), tmp_path=tmp_path) as (process, url):
        assert simulate(url, 3).returncode == 0
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == (1 if count else 0)
    assert "3 requests, 3 of OCS, 0 that Elasticsearch would lose" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "--port"),
        (["--count", "0"], "--count"),
        (["--status", "99"], "--status"),
        (["--certificate", "none.pem"], "--certificate"),
        (["--key", __file__], "--key is given without --certificate"),
        (["--offline", "--profile", "local"], "--offline"),
        (["--samples", "no/such/folder/x"], "--samples no/such/folder/x: cannot be created"),
        (["--samples", __file__], "there is such a file already"),
        (["--certificate", __file__], "cannot be used"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    for name in ("ELASTICSEARCH_URL", "OCS_ELASTIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    ran = command(monkeypatch, capsys)("listen", "--port", "0", *arguments)
    assert ran.code == 2
    assert words in ran.err


def test_a_named_cluster_that_does_not_answer_ends_it_before_it_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ELASTICSEARCH_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        ran = command(monkeypatch, capsys)("listen", "--port", "0")
    assert ran.code == 1
    assert "Listening" not in ran.err
