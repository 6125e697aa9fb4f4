"""The way to Kibana: what is sent, what must not be, and what its refusals mean."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from trustme import CA

from tests.unit.kibana import BASE, FakeKibana, servers
from tests.unit.tls import Server, serving
from toolkit.client import kibana_guard as guard
from toolkit.client import kibana_refusal
from toolkit.client.kibana import Kibana, connect_kibana
from toolkit.config import Connection
from toolkit.errors import (
    CredentialError,
    ForbiddenRequestError,
    RejectedError,
    UnreachableError,
    UnsupportedServerError,
)

TAG = b'{"type":"tag","id":"t","attributes":{"name":"n"},"references":[]}\n'


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


@pytest.fixture
def server(web: HTTPServer) -> Iterator[FakeKibana]:
    with servers(web) as (kibana, _):
        yield kibana


@pytest.fixture
def kibana(web: HTTPServer, server: FakeKibana) -> Kibana:
    return to(web.url_for(BASE))


def to(url: str, *, space: str = "default", read_only: bool = False, **more: Any) -> Kibana:
    connection = Connection(url="http://127.0.0.1:9", source="the tests", kibana_url=url, request_timeout_s=5, **more)
    found = connect_kibana(connection, space=space, read_only=read_only)
    assert found is not None
    return found


def test_without_an_address_there_is_none() -> None:
    assert connect_kibana(Connection(url="http://127.0.0.1:9", source="the tests")) is None


def test_credential_and_sign_go_with_every_request(web: HTTPServer, server: FakeKibana) -> None:
    to(web.url_for(BASE), username="u", password="geheim").version()
    to(web.url_for(BASE), api_key="a2V5").version()
    assert [h["authorization"] for h in server.headers] == [
        "Basic " + base64.b64encode(b"u:geheim").decode(),
        "ApiKey a2V5",
    ]
    assert all("kbn-xsrf" in headers for headers in server.headers)
    assert server.requests == ["GET /api/status"] * 2


def test_trust_is_that_of_the_connection(tmp_path: Any) -> None:
    """A CA that is not given is not trusted; one that is given is; where Kibana speaks plain http there is none."""
    ca = CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    status = {"version": {"number": "8.3.3"}, "status": {"overall": {"level": "available"}}}
    with serving(Server(body=status), ca.issue_cert("127.0.0.1")) as secure, serving(Server(body=status)) as plain:
        with pytest.raises(UnreachableError, match="comes from a CA that is not trusted"):
            to(f"https://127.0.0.1:{secure.port}").version()
        connection = Connection(
            url="https://127.0.0.1:9",
            source="s",
            kibana_url=f"https://127.0.0.1:{secure.port}",
            ca_file=tmp_path / "ca.pem",
        )
        for port, scheme in ((secure.port, "https"), (plain.port, "http")):
            object.__setattr__(connection, "kibana_url", f"{scheme}://127.0.0.1:{port}")
            found = connect_kibana(connection)
            assert found is not None
            assert found.version() == "8.3.3"


def test_a_kibana_that_starts_is_waited_for(kibana: Kibana, server: FakeKibana) -> None:
    server.starting = 3
    said: list[str] = []
    slept: list[float] = []

    class Listening:
        def say(self, text: str) -> None:
            said.append(text)

        def bar(self, title: str, total: int | None, unit: str) -> Any: ...

    assert kibana.version(Listening(), sleep=slept.append) == "8.3.3"
    assert (len(said), len(slept)) == (1, 3)
    assert kibana.url in said[0]


def test_a_kibana_that_never_gets_ready_is_given_up(kibana: Kibana, server: FakeKibana) -> None:
    server.starting = 100
    with pytest.raises(UnreachableError, match="was not ready within 4 s"):
        kibana.version(within_s=4, sleep=lambda _: None)
    assert len(server.requests) == 3


def test_one_that_is_degraded_works_and_one_that_is_critical_is_waited_for(kibana: Kibana, server: FakeKibana) -> None:
    for level, ready in (("degraded", True), ("critical", False), ("unavailable", False)):
        answer = {"version": {"number": "8.3.3"}, "status": {"overall": {"level": level}}}
        server.answers["GET /api/status"] = (200, answer)
        there = kibana.in_space("x")
        if ready:
            assert there.version() == "8.3.3"
        else:
            with pytest.raises(UnreachableError, match="not ready"):
                there.version(within_s=0)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("7.17.9", "runs Kibana 7.17.9, which is too old"),
        ("8.2.3", "runs Kibana 8.2.3, which is too old"),
        ("10.0.0", "runs Kibana 10.0.0, which is newer than this toolkit knows"),
    ],
)
def test_bad_version(kibana: Kibana, server: FakeKibana, version: str, reason: str) -> None:
    server.version = version
    with pytest.raises(UnsupportedServerError, match=reason) as raised:
        kibana.version()
    assert "8.3 to 9.x" in str(raised.value.hint)


@pytest.mark.parametrize("version", ["8.3.0", "8.12.2", "8.19.0-SNAPSHOT", "9.5.0"])
def test_good_version(version: str) -> None:
    assert kibana_refusal.unsupported("http://k", version) is None


def test_bad_base_path_is_told_from_a_wrong_address(web: HTTPServer, server: FakeKibana) -> None:
    with pytest.raises(UnsupportedServerError, match="is Kibana, but not at this path: it answered 404") as raised:
        to(web.url_for(f"{BASE}/elsewhere")).version()
    assert "server.basePath" in str(raised.value.hint)
    with pytest.raises(UnsupportedServerError, match=r"answers \(404\), but is no Kibana"):
        to(web.url_for("/")).version()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param("<html>", {"content-type": "text/html"}, id="bad_page"),
        pytest.param("x", {"content-type": "application/octet-stream"}, id="bad_bytes"),
        pytest.param("{", {"content-type": "application/json"}, id="bad_json"),
        pytest.param([], {"content-type": "application/json"}, id="bad_list"),
    ],
)
def test_bad_answer_is_no_kibanas(body: Any, headers: dict[str, str]) -> None:
    with (
        serving(Server(body=body, headers=headers)) as server,
        pytest.raises(UnsupportedServerError, match=r"but is no Kibana|not as Kibana does"),
    ):
        to(f"http://127.0.0.1:{server.port}").version()


def test_a_status_for_everybody_means_that_the_credential_is_nobodys(kibana: Kibana, server: FakeKibana) -> None:
    server.answers["GET /api/status"] = (200, {"status": {"overall": {"level": "available"}}})
    with pytest.raises(CredentialError, match="does not tell its version"):
        kibana.version()


def test_bad_address() -> None:
    with pytest.raises(UnreachableError, match="nothing listens there") as raised:
        to("http://127.0.0.1:9").version()
    assert "5601" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, CredentialError, "does not accept the credential: said so"),
        (403, RejectedError, "does not permit POST /api/saved_objects/_import: said so"),
        (422, RejectedError, "cannot read what it was sent: said so"),
        (500, RejectedError, r"failed in POST /api/saved_objects/_import \(500\): said so"),
        (413, RejectedError, "answered 413 to POST /api/saved_objects/_import: said so"),
    ],
)
def test_bad_import(kibana: Kibana, server: FakeKibana, status: int, error: type[RejectedError], words: str) -> None:
    server.answers["_import"] = (status, {"statusCode": status, "message": "said so"})
    with pytest.raises(error, match=words) as raised:
        kibana.import_(TAG)
    assert raised.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"type": "conflict"}, "tag t: another object is in its place"),
        (
            {"type": "missing_references", "references": [{"type": "index-pattern", "id": "v"}]},
            "tag t: refers to what is absent: index-pattern v",
        ),
        ({"type": "unsupported_type"}, "tag t: this Kibana knows no objects of that type"),
        ({"type": "unknown", "message": "the disk is full", "statusCode": 500}, "tag t: the disk is full"),
    ],
)
def test_an_answer_of_200_can_be_a_failure(kibana: Kibana, server: FakeKibana, error: Any, words: str) -> None:
    server.import_errors = [{"type": "tag", "id": "t", "error": error}]
    with pytest.raises(RejectedError, match=words) as raised:
        kibana.import_(TAG)
    assert "run the command again when the cause is gone" in str(raised.value.hint)


def test_an_id_of_another_space_is_a_failure_though_kibana_made_a_copy(kibana: Kibana) -> None:
    kibana.in_space("other").import_(TAG)
    with pytest.raises(RejectedError, match="an object of that id is in another space"):
        kibana.import_(TAG)


def test_what_is_absent_is_left_out_of_an_export(kibana: Kibana, server: FakeKibana) -> None:
    assert kibana.export([("tag", "t")]) == {}
    kibana.import_(TAG)
    found = kibana.export([("tag", "u"), ("tag", "t")])
    assert {key: body["attributes"] for key, body in found.items()} == {("tag", "t"): {"name": "n"}}
    server.answers["_export"] = (400, {"message": "too many objects"})
    with pytest.raises(RejectedError, match="too many objects"):
        kibana.export([("tag", "t")])


def test_deleting_what_is_absent_is_no_error(kibana: Kibana, server: FakeKibana) -> None:
    kibana.import_(TAG)
    kibana.delete(("tag", "t"))
    kibana.delete(("tag", "t"))
    assert server.objects == {"default": {}}


def test_a_space_is_created_once(kibana: Kibana, server: FakeKibana) -> None:
    there = kibana.in_space("team_a")
    assert not there.has_space()
    there.create_space()
    there.create_space()
    assert there.has_space()
    server.answers["POST /api/spaces/space"] = (403, {"message": "no"})
    with pytest.raises(RejectedError, match="does not permit") as raised:
        there.create_space()
    assert raised.value.hint
    assert raised.value.hint.startswith("an administrator creates space 'team_a' first")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Unable to bulk_create index-pattern", ["feature_indexPatterns.all"]),
        ("Unable to bulk_create dashboard,tag", ["feature_dashboard.minimal_all", "feature_savedObjectsTagging.all"]),
        ("Unable to delete tag", ["feature_savedObjectsTagging.all"]),
        (
            "Unauthorized to get default space",
            ["feature_dashboard.minimal_all", "feature_indexPatterns.all", "feature_savedObjectsTagging.all"],
        ),
    ],
)
def test_a_refusal_names_the_privileges_that_are_missing(
    kibana: Kibana, server: FakeKibana, said: str, named: list[str]
) -> None:
    """The words are those of a real 8.3.3."""
    server.answers["_import"] = (403, {"statusCode": 403, "error": "Forbidden", "message": said})
    with pytest.raises(RejectedError, match=said) as raised:
        kibana.import_(TAG)
    assert re.findall(r"feature_\w+\.\w+", raised.value.hint or "") == named


def test_addresses(kibana: Kibana) -> None:
    assert kibana.address("i").endswith("/kibana/app/dashboards#/view/i")
    assert kibana.in_space("s").address("i").endswith("/kibana/s/s/app/dashboards#/view/i")


PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>x</body></html>"
HTML = {"content-type": "text/html"}
NDJSON = {"content-type": "application/ndjson"}
JSON = {"content-type": "application/json"}
OTHERS = [
    pytest.param(PAGE, HTML, id="bad_page"),
    pytest.param("", HTML, id="bad_empty_page"),
    pytest.param("", JSON, id="bad_empty"),
    pytest.param("", NDJSON, id="bad_empty_lines"),
    pytest.param({}, JSON, id="bad_object"),
    pytest.param([], JSON, id="bad_list"),
    pytest.param("[1,2]", JSON, id="bad_numbers"),
    pytest.param("1\n2\n", NDJSON, id="bad_lines_of_numbers"),
    pytest.param('"x"', JSON, id="bad_text"),
    pytest.param("null", JSON, id="bad_null"),
    pytest.param({"success": "yes"}, JSON, id="bad_success"),
    pytest.param({"success": False, "errors": [1]}, JSON, id="bad_errors"),
    pytest.param({"id": "elsewhere"}, JSON, id="bad_id"),
    pytest.param('{"type": ["tag"], "id": {}}\n', NDJSON, id="bad_keys"),
    pytest.param('{"type": "tag", "id": "u"}\n', NDJSON, id="bad_another_object"),
    pytest.param('{"type": "tag", "id": "t"}\n{"type": "tag", "id": "u"}\n', NDJSON, id="bad_one_too_many"),
]


@pytest.mark.parametrize(("body", "headers"), OTHERS)
def test_bad_answer_of_200_is_neither_an_absence_nor_a_success(body: Any, headers: dict[str, str]) -> None:
    """An export that a proxy answered was once read as "everything is absent", and all was imported anew."""
    with serving(Server(body=body, headers=headers)) as server:
        kibana = to(f"http://127.0.0.1:{server.port}", space="sp")
        asked: list[Callable[[], Any]] = [
            lambda: kibana.export([("tag", "t")]),
            lambda: kibana.import_(TAG),
            kibana.has_space,
            lambda: kibana.spaces_of(("tag", "t")),
            lambda: kibana.users_of(("tag", "t")),
        ]
        if not isinstance(body, dict):
            asked += [lambda: kibana.delete(("tag", "t")), kibana.create_space]
        for ask in asked:
            with pytest.raises(UnsupportedServerError, match="not as Kibana does") as raised:
                ask()
            assert "proxy" in str(raised.value.hint)


@pytest.mark.parametrize(
    "body", [{"attributes": []}, {"attributes": {"objects": [1]}}, {"attributes": {"objects": [{"error": "x"}]}}, []]
)
def test_bad_refusal_of_an_export(kibana: Kibana, server: FakeKibana, body: Any) -> None:
    server.answers["_export"] = (400, {**body, "message": "said so"} if isinstance(body, dict) else "said so")
    with pytest.raises(RejectedError, match="answered 400 to POST /api/saved_objects/_export: said so"):
        kibana.export([("tag", "t")])


@pytest.mark.parametrize("number", ["x.y", "8", "8.x", "", None, 8, ["8"], {"major": 8}])
def test_bad_status_with_a_number_that_cannot_be_read(kibana: Kibana, server: FakeKibana, number: Any) -> None:
    body = {"version": {"number": number}, "status": {"overall": {"level": "available"}}}
    server.answers["GET /api/status"] = (200, body)
    with pytest.raises(UnsupportedServerError, match="not as Kibana does"):
        kibana.version()
    with (
        serving(Server(body=body, headers=JSON)) as unsigned,
        pytest.raises(UnsupportedServerError, match="but is no Kibana"),
    ):
        to(f"http://127.0.0.1:{unsigned.port}").version()


@pytest.mark.parametrize("status", ["green", None, [], 1, {"overall": "green"}, {"overall": None}])
def test_odd_status_beside_a_version(kibana: Kibana, server: FakeKibana, status: Any) -> None:
    server.answers["GET /api/status"] = (200, {"version": {"number": "9.2.0+build2025"}, "status": status})
    assert kibana.version() == "9.2.0+build2025"
    server.answers["GET /api/status"] = (200, {"version": "9.2.0", "status": status})
    with pytest.raises(UnsupportedServerError, match="not as Kibana does"):
        kibana.in_space("x").version()


@pytest.mark.parametrize(
    ("status", "headers", "reason", "hint"),
    [
        (413, {}, "answered 413", "savedObjects.maxImportPayloadBytes and server.maxPayload"),
        (429, {}, "answered 429", "wait a minute, then run the command again"),
        (502, {}, "a proxy answers .* (502: 502 Bad Gateway), Kibana behind it is down", "see whether Kibana is up"),
        (503, {}, "a proxy answers .* (503: 502 Bad Gateway), Kibana behind it is down", "see whether Kibana is up"),
        (302, {"location": "https://u:geheim@sso/in?token=geheim#x"}, "it leads to https://sso/in$", "log in"),
        (307, {}, "answered 307 to .*: it leads elsewhere", "log in"),
    ],
)
def test_bad_what_a_proxy_says(status: int, headers: dict[str, str], reason: str, hint: str) -> None:
    with serving(Server(status, PAGE, HTML | headers)) as server:
        kibana = to(f"http://127.0.0.1:{server.port}")
        asked: list[Callable[[], Any]] = [lambda: kibana.import_(TAG), lambda: kibana.export([("tag", "t")])]
        for ask in [*asked, kibana.version] if status != 413 else asked:
            with pytest.raises(RejectedError, match=reason.replace("(", r"\(").replace(")", r"\)")) as raised:
                ask()
            assert hint in str(raised.value.hint)
            assert raised.value.status == status
            assert "<" not in raised.value.reason
            assert "geheim" not in f"{raised.value.reason} {raised.value.hint}"


def test_bad_connection_is_cut() -> None:
    """Once anything was answered, the address is right: it is no https."""
    ready = {"version": {"number": "8.3.3"}, "status": {"overall": {"level": "available"}}}
    with serving(Server(body=ready, headers=JSON)) as server:
        kibana = to(f"http://127.0.0.1:{server.port}")
        server.cut = "all"
        with pytest.raises(UnreachableError, match="ended the connection without an answer") as raised:
            kibana.version()
        assert "https" in str(raised.value.hint)
        server.cut = None
        kibana.version()
        for there in (kibana, kibana.in_space("x")):
            for cut, reason in (("all", "without an answer"), ("half", "in the middle of its answer")):
                server.cut = cut
                with pytest.raises(UnreachableError, match=f"ended the connection {reason}$") as raised:
                    there.export([("tag", "t")])
                assert str(raised.value.hint).startswith("run it again")


# What may be sent


@pytest.mark.parametrize(
    ("method", "path", "writing"),
    [
        ("GET", "/api/status", False),
        ("HEAD", "/api/status", False),
        ("POST", "/api/saved_objects/_export", False),
        ("POST", "/s/a/api/saved_objects/_export", False),
        ("POST", "/api/saved_objects/_import", True),
        ("POST", "/s/a/api/saved_objects/_export/x", True),
        ("POST", "/x/api/saved_objects/_export", True),
        ("POST", "/api/saved_objects/_bulk_get", True),
        ("POST", "/api/spaces/space", True),
        ("PUT", "/api/saved_objects/_export", True),
        ("DELETE", "/api/saved_objects/tag/x", True),
    ],
)
def test_what_writes_is_not_sent_by_what_reads(
    web: HTTPServer, server: FakeKibana, method: str, path: str, writing: bool
) -> None:
    assert guard.writes(method, path) is writing
    if not writing:
        guard.check(method, path, None, read_only=True)
        return
    with pytest.raises(ForbiddenRequestError, match="only reads"):
        guard.check(method, path, None, read_only=True)


def test_nothing_is_sent_that_only_reading_forbids(web: HTTPServer, server: FakeKibana) -> None:
    reading = to(web.url_for(BASE), read_only=True)
    writes: list[Callable[[], None]] = [
        lambda: reading.import_(TAG),
        reading.create_space,
        lambda: reading.delete(("tag", "t")),
    ]
    for write in writes:
        with pytest.raises(ForbiddenRequestError):
            write()
    assert server.requests == []
    assert reading.in_space("other").read_only


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/data_views/data_view", None),
        ("/s/a/api/data_views/data_view", None),
        ("/api/index_patterns/index_pattern/x", None),
        ("/api/saved_objects/_import", {"createNewCopies": "true"}),
        ("/api/saved_objects/_import?createNewCopies=true", None),
    ],
)
def test_what_does_harm_is_never_sent(path: str, params: dict[str, str] | None) -> None:
    with pytest.raises(ForbiddenRequestError):
        guard.check("POST", path, params, read_only=False)


def test_only_what_may_be_repeated_is(kibana: Kibana, server: FakeKibana) -> None:
    """A 503 is answered to each try."""
    for end in ("_export", "_import", "/api/spaces/space", "/tag/t"):
        server.answers[end] = (503, {"message": "busy"})
    for ask in (
        lambda: kibana.export([("tag", "t")]),
        lambda: kibana.import_(TAG),
        kibana.create_space,
        lambda: kibana.delete(("tag", "t")),
    ):
        with pytest.raises(RejectedError):
            ask()
    tries = {asked: server.requests.count(asked) for asked in server.requests}
    assert list(tries.values()) == [3, 3, 1, 1]
