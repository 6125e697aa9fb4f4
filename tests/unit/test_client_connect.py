"""Ways to a server, and every way that fails: what is said then, and what to do."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import truststore
from trustme import CA

from tests.unit import tls
from tests.unit.tls import SIGNED, Proxy, Server, proxying, serving
from toolkit.client.connect import capabilities, connect
from toolkit.config import Connection
from toolkit.errors import (
    ConfigurationError,
    CredentialError,
    RejectedError,
    ToolkitError,
    UnreachableError,
    UnsupportedServerError,
)


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA()


@pytest.fixture
def ca_file(ca: CA, tmp_path: Path) -> Path:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda certificate=None, **answer: stack.enter_context(serving(Server(**answer), certificate))


def connection(url: str, **more: Any) -> Connection:
    return Connection(url=url, source="the tests", request_timeout_s=5, **more)


def failure(where: Connection, *, method: str = "get") -> ToolkitError:
    """The error of one request; never one that shows a class name, an object's address or a secret."""
    transport = connect(where)
    with pytest.raises(ToolkitError) as caught:
        transport.get("/") if method == "get" else transport.post("/x/_doc", {})
    transport.close()
    error = caught.value
    assert error.hint
    assert error.exit_code == 1
    for bad in ("object at 0x", "HTTPConnection", "Error(", "geheim"):
        assert bad not in f"{error.reason} {error.hint}"
    return error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


# Ways that lead there


def test_a_ca_file_is_enough(ca: CA, ca_file: Path, serve: Callable[..., Server]) -> None:
    server = serve(ca.issue_cert("127.0.0.1"))
    where = connection(f"https://127.0.0.1:{server.port}", ca_file=ca_file, username="u", password="geheim")
    assert connect(where).get("/") == {}
    assert server.requests[0][2]["authorization"] == "Basic " + base64.b64encode(b"u:geheim").decode()


def test_an_api_key_is_sent_as_it_is(serve: Callable[..., Server]) -> None:
    server = serve()
    connect(connection(f"http://127.0.0.1:{server.port}", api_key="a2V5")).get("/")
    assert server.requests[0][2]["authorization"] == "ApiKey a2V5"


def test_user_and_password_may_hold_any_letters(serve: Callable[..., Server]) -> None:
    server = serve()
    connect(connection(f"http://127.0.0.1:{server.port}", username="jürgen", password="geheim-Ω")).get("/")
    assert server.requests[0][2]["authorization"] == "Basic " + base64.b64encode("jürgen:geheim-Ω".encode()).decode()


@pytest.mark.parametrize("key", ["geheim\nb", "geheim\rX-Own: 1", "geheim b", "geheim-Ω", "geheim\x00"])
def test_what_is_no_api_key_is_refused_and_not_repeated(key: str) -> None:
    """The client ended in a traceback that held the key."""
    with pytest.raises(ConfigurationError, match="the API key holds what no key does") as error:
        connection("http://127.0.0.1:9200", api_key=key)
    assert "geheim" not in f"{error.value.reason} {error.value.hint}"


def test_a_user_in_the_address_is_sent_and_not_shown(serve: Callable[..., Server]) -> None:
    server = serve()
    transport = connect(connection(f"http://u%40x:geheim@127.0.0.1:{server.port}"))
    transport.get("/")
    assert server.requests[0][2]["authorization"] == "Basic " + base64.b64encode(b"u@x:geheim").decode()
    assert transport.url == f"http://127.0.0.1:{server.port}"


def test_the_systems_trust_store_decides_where_nothing_else_does(
    ca: CA, ca_file: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(ca.issue_cert("127.0.0.1"))
    made: list[ssl.SSLContext] = []

    class Store(truststore.SSLContext):
        def __init__(self, protocol: int) -> None:
            super().__init__(protocol)
            self.load_verify_locations(cafile=ca_file)
            made.append(self)

    monkeypatch.setattr(truststore, "SSLContext", Store)
    assert connect(connection(f"https://127.0.0.1:{server.port}")).get("/") == {}
    assert len(made) == 1


@pytest.mark.parametrize("colons", [False, True])
def test_the_fingerprint_of_the_servers_certificate_is_enough(
    ca: CA, serve: Callable[..., Server], colons: bool
) -> None:
    leaf = ca.issue_cert("elsewhere.example")  # its name does not matter: it is this certificate and no other
    server = serve(leaf)
    wanted = tls.fingerprint(leaf.cert_chain_pems[0].bytes()).upper()
    if colons:
        wanted = ":".join(wanted[i : i + 2] for i in range(0, 64, 2))
    assert connect(connection(f"https://127.0.0.1:{server.port}", fingerprint=wanted)).get("/") == {}
    assert [method for method, _, _ in server.requests] == ["GET"]  # nothing is sent to whom is not known yet


def test_the_fingerprint_of_its_ca_is_enough(ca: CA, serve: Callable[..., Server], tmp_path: Path) -> None:
    """It is what Elasticsearch prints when it first starts."""
    server = serve(tls.with_ca(ca.issue_cert("127.0.0.1"), ca, tmp_path / "chain.pem"))
    wanted = tls.fingerprint(ca.cert_pem.bytes())
    assert connect(connection(f"https://127.0.0.1:{server.port}", fingerprint=wanted)).get("/") == {}


def test_https_goes_through_a_proxy_by_a_tunnel(ca: CA, ca_file: Path, serve: Callable[..., Server]) -> None:
    server = serve(ca.issue_cert("elastic.invalid"))
    with proxying(Proxy()) as proxy:
        where = connection(
            f"https://elastic.invalid:{server.port}",
            ca_file=ca_file,
            api_key="geheim",
            proxy=f"http://u:p%40ss@127.0.0.1:{proxy.port}",
        )
        transport = connect(where)
        assert transport.get("/") == {}
        transport.close()
    line, headers = proxy.seen[0]
    assert line.startswith(f"CONNECT elastic.invalid:{server.port} ")
    assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"u:p@ss").decode()
    assert "authorization" not in headers
    assert "proxy-authorization" not in server.requests[0][2]


def test_a_fingerprint_works_through_a_proxy(ca: CA, serve: Callable[..., Server]) -> None:
    leaf = ca.issue_cert("elastic.invalid")
    server = serve(leaf)
    with proxying(Proxy()) as proxy:
        where = connection(
            f"https://elastic.invalid:{server.port}",
            fingerprint=tls.fingerprint(leaf.cert_chain_pems[0].bytes()),
            proxy=f"http://127.0.0.1:{proxy.port}",
        )
        transport = connect(where)
        assert transport.get("/") == {}
        transport.close()


def test_http_goes_through_a_proxy_by_the_whole_address(serve: Callable[..., Server]) -> None:
    proxy = serve()
    where = connection("http://elastic.invalid:9200/es", proxy=f"http://u:p@127.0.0.1:{proxy.port}")
    assert connect(where).get("/_nodes", {"a": "b c"}) == {}
    _, path, headers = proxy.requests[0]
    assert path == "http://elastic.invalid:9200/es/_nodes?a=b%20c"
    assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert headers["host"] == "elastic.invalid:9200"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_host_that_is_down_is_passed_over(method: str, serve: Callable[..., Server]) -> None:
    """Even by what must not be repeated: nothing was sent to the host that is down."""
    server = serve()
    for urls in ([free_port(), server.port], [server.port, free_port()]) * 3:
        first, second = (f"http://127.0.0.1:{port}" for port in urls)
        transport = connect(connection(first, others=(second,)))
        answer = transport.get("/") if method == "get" else transport.post("/x/_doc", {})
        assert answer == {}


# Ways that fail


def test_a_refused_connection_says_so() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    error = failure(connection(url))
    assert isinstance(error, UnreachableError)
    assert error.reason == f"{url} refuses the connection: nothing listens there"


def test_a_name_that_nobody_knows_says_so() -> None:
    error = failure(connection("http://elastic.invalid:9200"))
    assert error.reason.startswith("the name of http://elastic.invalid:9200 cannot be found: ")


def test_a_server_that_does_not_answer_in_time_says_so(serve: Callable[..., Server]) -> None:
    server = serve()
    server.delay_s = 3
    where = Connection(f"http://127.0.0.1:{server.port}", "the tests", request_timeout_s=0.3)
    assert failure(where).reason == f"http://127.0.0.1:{server.port} did not answer within 0.3 s"
    assert len(server.requests) == 1


def test_a_host_that_takes_no_connection_in_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", slow)
    error = failure(connection("http://127.0.0.1:9"))
    assert error.reason == "http://127.0.0.1:9 cannot be reached within 5 s"


@pytest.mark.parametrize(
    ("credential", "hint"),
    [
        ({}, "give one: ELASTICSEARCH_API_KEY"),
        ({"api_key": "geheim"}, "check the credential that goes with the tests"),
    ],
)
def test_a_wrong_credential_says_whether_there_was_one(
    credential: dict[str, str], hint: str, serve: Callable[..., Server]
) -> None:
    cause = {"type": "security_exception", "reason": "unable to authenticate user [u] for REST request [/]"}
    server = serve(status=401, body={"error": {"root_cause": [cause], **cause}, "status": 401})
    error = failure(connection(f"http://127.0.0.1:{server.port}", **credential))
    assert isinstance(error, RejectedError)
    assert error.reason.endswith("does not accept the credential: unable to authenticate user [u] for REST request [/]")
    assert str(error.hint).startswith(hint)


def test_a_wrong_credential_is_tried_once(serve: Callable[..., Server]) -> None:
    """Some directories lock an account after a few."""
    server = serve(status=401, body={"error": {"type": "security_exception", "reason": "no"}, "status": 401})
    with pytest.raises(CredentialError):
        capabilities(connect(connection(f"http://127.0.0.1:{server.port}", api_key="geheim")))
    assert len(server.requests) == 1


NO_SHARD = {"index": "i-2", "shard": 0, "reason": {"type": "no_shard_available_action_exception", "reason": None}}
WHOLE = {"total": 2, "successful": 2, "skipped": 0, "failed": 0}
PART = {"total": 2, "successful": 1, "skipped": 0, "failed": 1, "failures": [NO_SHARD]}


@pytest.mark.parametrize("path", ["/s/_search", "/s/_count", "/s/_msearch"])
def test_an_answer_of_some_shards_only_is_none(path: str, serve: Callable[..., Server]) -> None:
    """Else `status` counts too little, and a replay writes again what an index holds that is not there: answers of
    8.3.3.
    """
    for shards in (WHOLE, PART):
        answer: dict[str, Any] = {"_shards": shards, "count": 1}
        if path == "/s/_msearch":
            answer = {"responses": [{"_shards": WHOLE, "hits": {}}, {"_shards": shards, "hits": {}}]}
        server = serve(body=answer)
        transport = connect(connection(f"http://127.0.0.1:{server.port}"))
        if shards is WHOLE:
            assert transport.post(path, {}) == answer
    with pytest.raises(RejectedError, match=rf"answered POST {path} without 1 of \d shards: no_shard_avail") as raised:
        transport.post(path, {})
    assert "ocs-elastic doctor names" in str(raised.value.hint)


def test_a_missing_privilege_is_named(serve: Callable[..., Server]) -> None:
    reason = (
        "action [cluster:admin/ilm/put] is unauthorized for user [ocs] with effective roles [ocs], "
        "this action is granted by the cluster privileges [manage_ilm,manage,all]"
    )
    server = serve(status=403, body={"error": {"type": "security_exception", "reason": reason}, "status": 403})
    error = failure(connection(f"http://127.0.0.1:{server.port}"))
    assert error.reason == f"http://127.0.0.1:{server.port} does not permit GET /: {reason}"
    assert error.hint == "one of these cluster privileges is missing: manage_ilm, manage, all"


def test_of_a_failure_store_the_privilege_that_holds_there_is_named(serve: Callable[..., Server]) -> None:
    """`read` and `all` come first in the reason, though `read` is no help; the words are 9.5.3's."""
    reason = (
        "action [indices:data/read/search] is unauthorized for user [max] with effective roles [max] on indices "
        "[a-stream::failures], this action is granted by the index privileges [read,all] for data access, or by "
        "[read_failure_store] for access with the [::failures] selector"
    )
    server = serve(status=403, body={"error": {"type": "security_exception", "reason": reason}, "status": 403})
    error = failure(connection(f"http://127.0.0.1:{server.port}"))
    assert error.hint == "this index privilege is missing: read_failure_store"


def test_a_certificate_that_is_not_trusted_says_so(ca: CA, serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(ca.issue_cert("127.0.0.1"))
    other = tmp_path / "other.pem"
    CA().cert_pem.write_to_path(str(other))
    for more in ({}, {"ca_file": other}):
        error = failure(connection(f"https://127.0.0.1:{server.port}", **more))
        assert "comes from a CA that is not trusted (unable to get" in error.reason
        assert str(error.hint).startswith("give its CA: ca_file, or fingerprint")
    assert server.requests == []


def test_a_self_signed_certificate_says_so(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(tls.forged(CA(), tmp_path / "forged.pem"))  # an issuer that is nowhere
    assert "is not trusted" in failure(connection(f"https://127.0.0.1:{server.port}")).reason


def test_an_expired_certificate_says_so(ca: CA, ca_file: Path, serve: Callable[..., Server]) -> None:
    server = serve(tls.expired(ca))
    error = failure(connection(f"https://127.0.0.1:{server.port}", ca_file=ca_file))
    assert error.reason.endswith("has expired (certificate has expired)")


def test_a_certificate_for_another_host_says_so(ca: CA, ca_file: Path, serve: Callable[..., Server]) -> None:
    server = serve(ca.issue_cert("elsewhere.example"))
    error = failure(connection(f"https://127.0.0.1:{server.port}", ca_file=ca_file))
    assert "is for another host (IP address mismatch" in error.reason
    error = failure(connection(f"https://localhost:{server.port}", ca_file=ca_file))
    assert "is for another host (Hostname mismatch" in error.reason


def test_another_fingerprint_is_refused_before_anything_is_sent(ca: CA, serve: Callable[..., Server]) -> None:
    leaf = ca.issue_cert("127.0.0.1")
    server = serve(leaf)
    error = failure(connection(f"https://127.0.0.1:{server.port}", fingerprint="ab" * 32, api_key="geheim"))
    assert "sends no certificate of the given fingerprint, but " in error.reason
    assert tls.fingerprint(leaf.cert_chain_pems[0].bytes()) in error.reason
    assert server.requests == []


def test_a_forged_certificate_beside_the_real_ca_is_refused(
    ca: CA, serve: Callable[..., Server], tmp_path: Path
) -> None:
    """The client's own check of a CA's fingerprint accepts it and sends the password."""
    server = serve(tls.forged(ca, tmp_path / "forged.pem"))
    wanted = tls.fingerprint(ca.cert_pem.bytes())
    error = failure(connection(f"https://localhost:{server.port}", fingerprint=wanted, api_key="geheim"))
    assert isinstance(error, UnreachableError)
    assert error.reason.startswith(f"the certificate of https://localhost:{server.port} is not trusted")
    assert server.requests == []


def test_the_fingerprint_of_a_ca_does_not_make_up_for_another_host(
    ca: CA, serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve(tls.with_ca(ca.issue_cert("elsewhere.example"), ca, tmp_path / "chain.pem"))
    wanted = tls.fingerprint(ca.cert_pem.bytes())
    assert "is for another host" in failure(connection(f"https://localhost:{server.port}", fingerprint=wanted)).reason


def test_https_spoken_to_http_says_so(ca_file: Path, serve: Callable[..., Server]) -> None:
    server = serve()
    for more in ({"ca_file": ca_file}, {"fingerprint": "ab" * 32}):
        error = failure(connection(f"https://127.0.0.1:{server.port}", **more))
        assert error.reason == f"https://127.0.0.1:{server.port} does not speak TLS there"


def test_http_spoken_to_https_says_so(ca: CA, serve: Callable[..., Server]) -> None:
    server = serve(ca.issue_cert("127.0.0.1"))
    error = failure(connection(f"http://127.0.0.1:{server.port}"))
    assert error.reason == f"http://127.0.0.1:{server.port} ended the connection without an answer"
    assert error.hint == "it may be https: write the address as https://…"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_blamed_itself(scheme: str) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    where = connection(f"{scheme}://elastic.invalid:9200", proxy=proxy.replace("//", "//u:geheim@"))
    assert failure(where).reason == f"the proxy {proxy} refuses the connection: nothing listens there"


def test_a_proxy_that_does_not_let_through_says_so(serve: Callable[..., Server]) -> None:
    with proxying(Proxy(status=407)) as proxy:
        where = connection("https://elastic.invalid:9200", proxy=f"http://127.0.0.1:{proxy.port}")
        error = failure(where)
    assert error.reason.startswith(f"the proxy http://127.0.0.1:{proxy.port} does not let through to https://elastic")
    assert error.hint == "give its user and password: proxy: http://user:password@host:port"
    plain = serve(status=407, body="", headers={"content-type": "text/html"})
    where = connection("http://elastic.invalid:9200", proxy=f"http://127.0.0.1:{plain.port}")
    assert failure(where).reason == f"the proxy http://127.0.0.1:{plain.port} wants user and password"


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read: No such file"), ("x", "holds no certificate")])
def test_a_ca_file_that_cannot_be_used_is_named(content: str | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        connect(connection("https://127.0.0.1:9", ca_file=file))
    assert caught.value.reason.startswith(f"the tests: the CA file {file} {why}")


# Servers that are not supported


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"body": {"version": {"number": "3.6.0", "distribution": "opensearch"}}, "headers": {}},
            "is OpenSearch 3.6.0",
        ),
        (
            {"body": {"version": {"number": "7.10.2"}, "tagline": "The OpenSearch Project"}, "headers": {}},
            "is OpenSear",
        ),
        (
            {"body": {"version": {"number": "7.10.2", "lucene_version": "8"}}, "headers": {}},
            "runs Elasticsearch 7.10.2",
        ),
        ({"body": {"version": {"number": "8.2.3"}}}, "runs Elasticsearch 8.2.3"),
        ({"body": {"version": {"number": "8.11.0", "build_flavor": "serverless"}}}, "is Elasticsearch Serverless"),
        ({"body": "<html>", "headers": {"content-type": "text/html"}}, "answers, but is no Elasticsearch"),
        ({"body": "{", "headers": {"content-type": "application/json"}}, "answers, but is no Elasticsearch"),
        ({"body": {"hello": "world"}, "headers": {}}, "answers, but is no Elasticsearch"),
        ({"status": 404, "body": "not found", "headers": {"content-type": "text/plain"}}, "answers, but is no Elastic"),
    ],
)
def test_a_server_that_is_not_supported_is_refused_with_a_sentence(
    answer: dict[str, Any], reason: str, serve: Callable[..., Server]
) -> None:
    if answer.get("headers") == {}:
        answer = {**answer, "headers": {"content-type": SIGNED["content-type"]}}
    server = serve(**answer)
    url = f"http://127.0.0.1:{server.port}"
    with pytest.raises(UnsupportedServerError) as caught:
        capabilities(connect(connection(url)))
    assert caught.value.reason.startswith(f"{url} {reason}")
    assert caught.value.hint


def test_licence_and_security_are_known_where_the_server_tells(serve: Callable[..., Server]) -> None:
    body = {
        "version": {"number": "8.17.2"},
        "nodes": {"a": {"version": "8.17.2", "modules": [{"name": "x-pack-ilm"}, {"name": "transform"}]}},
        "cluster": {"manage_security": False},
        "license": {"type": "basic", "status": "active"},
    }
    found = capabilities(connect(connection(f"http://127.0.0.1:{serve(body=body).port}")))
    assert (found.security, found.license, found.ilm, found.transforms) == (True, "basic", True, True)
    assert not found.manages_security
