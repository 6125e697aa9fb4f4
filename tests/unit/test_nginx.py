"""The proxy for an OCS that can prove nothing: what is rendered, and, where there is an nginx, what it does with it.

nginx is found on PATH, or named by `TEST_NGINX`.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from trustme import CA

from tests.unit.commands import Command, command
from tests.unit.tls import Server, serving
from toolkit.config import Connection
from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Credential, Issued
from toolkit.errors import ConfigurationError
from toolkit.output.credentials import nginx_line
from toolkit.uses.nginx import nginx_configuration

NGINX = os.environ.get("TEST_NGINX") or shutil.which("nginx")
PATH = "/ocs-campaign-groups-bank/_doc"
KEY = Issued(Credential(CredentialKind.API_KEY, "a-key", "an-id", "bank", None), "c2VjcmV0OmtleQ==")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="there is no nginx here")

Start = Callable[..., int]


def configuration(*hosts: str, **more: object) -> str:
    return nginx_configuration(Connection(hosts[0], "the tests", others=hosts[1:], **more), "bank")  # type: ignore[arg-type]


def directives(text: str) -> list[str]:
    return [line.partition("#")[0].strip() for line in text.splitlines() if line.partition("#")[0].strip()]


@pytest.fixture(name="options")
def _options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELASTICSEARCH_URL", "https://me:s3cret@es.example:9243/base/")
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("options", *arguments)


def test_it_is_printed_without_any_secret(options: Command) -> None:
    ran = options("--namespace", "bank", "--format", "nginx")
    assert (ran.code, ran.err) == (0, "")
    assert "s3cret" not in ran.out
    found = directives(ran.out)
    assert "server es.example:9243 max_fails=1 fail_timeout=5s;" in found
    assert f"location = {PATH} {{" in found
    assert f"proxy_pass https://ocs_elastic_bank/base{PATH};" in found
    assert "include ocs-elastic-bank.credential;" in found
    assert {"deny all;", "proxy_ssl_verify on;", "proxy_ssl_name es.example;", 'set $args "";'} <= set(found)


def test_it_is_no_json(options: Command) -> None:
    assert options("--format", "nginx", "--json").code == 2


def test_several_hosts_stand_in_for_each_other() -> None:
    found = directives(configuration("https://a.example:9200", "https://b.example"))
    assert [line.split()[1] for line in found if line.startswith("server ") and "max_fails" in line] == [
        "a.example:9200",
        "b.example:443",
    ]


def test_without_tls_nothing_speaks_of_certificates() -> None:
    assert not [line for line in directives(configuration("http://es.example:9200")) if "ssl" in line]


def test_a_ca_of_ones_own_is_a_file_on_the_proxys_machine() -> None:
    text = configuration("https://es.example:9200", ca_file=Path("/home/me/http_ca.crt"))
    assert "proxy_ssl_trusted_certificate ocs-elastic-ca.crt;" in directives(text)
    assert "/home/me" not in text


@pytest.mark.parametrize(
    "url",
    [
        "https://es.example/a;b",
        "https://es.example/{",
        "https://es.example/$host",
        "https://es.example/%0a",
        'https://es.example/"',
        "https://es;x.example",
        "https://es_{}.example",
    ],
)
def test_an_address_cannot_become_a_directive(url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot stand in nginx's configuration"):
        configuration(url)


@pytest.mark.parametrize("other", ["http://b.example", "https://b.example/base"])
def test_hosts_that_are_not_alike_are_refused(other: str) -> None:
    with pytest.raises(ConfigurationError, match="the hosts differ"):
        configuration("https://a.example", other)


@pytest.mark.parametrize("url", ["https://192.0.2.7:9200", "https://[2001:db8::1]:9200"])
def test_tls_to_an_ip_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot verify the certificate of") as error:
        configuration(url)
    assert "name the host as its certificate does" in str(error.value.hint)
    assert configuration(url.replace("https", "http"))


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Start]:
    """Starts nginx with a configuration as rendered, but on a free port and open to this machine."""
    running: list[subprocess.Popen[bytes]] = []

    def start(text: str, ca: CA | None = None) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("192.0.2.10", "127.0.0.1")
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (tmp_path / kind).mkdir(exist_ok=True)
        user = "user root; " if os.name == "posix" and os.geteuid() == 0 else ""  # pytest's folders are its alone
        own = "".join(
            f"{kind}_temp_path {tmp_path / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = f"{user}daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        main += f"http {{ access_log off;\n{own}{text}}}\n"
        file = tmp_path / "nginx.conf"
        file.write_text(main, encoding="utf-8")
        (tmp_path / "ocs-elastic-bank.credential").write_text(nginx_line(KEY) + "\n", encoding="utf-8")
        if ca:
            ca.cert_pem.write_to_path(tmp_path / "ocs-elastic-ca.crt")
        line = [str(NGINX), "-p", str(tmp_path), "-c", str(file), "-e", str(tmp_path / "error.log")]
        checked = subprocess.run([*line, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        running.append(subprocess.Popen(line, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        _wait_for(port)
        return port

    yield start
    for process in running:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "nginx did not come up"
            time.sleep(0.05)
        else:
            return


@contextmanager
def cluster(server: Server | None = None, certificate: object = None) -> Iterator[Server]:
    with serving(server or Server(201, {"result": "created"}), certificate) as found:  # type: ignore[arg-type]
        yield found


def ask(port: int, method: str = "POST", path: str = PATH, body: object = b"{}", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named, encode_chunked="Transfer-Encoding" in named)  # type: ignore[arg-type]
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@needs_nginx
def test_a_message_gets_the_key_and_its_type_and_nothing_else_of_the_senders(start: Start) -> None:
    with cluster() as server:
        port = start(configuration(f"http://127.0.0.1:{server.port}"))
        assert (
            ask(port, path=f"{PATH}?pipeline=_none", Content_Type="text/plain", Authorization="Basic bWU6", X_Own="1")
            == 201
        )
        assert ask(port, body=[b"{", b"}"], Transfer_Encoding="chunked") == 201
    for method, path, headers in server.requests:
        assert (method, path) == ("POST", PATH)
        assert headers["authorization"] == "ApiKey c2VjcmV0OmtleQ=="
        assert headers["content-type"] == "application/json"
        assert headers["content-length"] == "2"
        assert not headers.keys() & {"x-own", "transfer-encoding"}


@needs_nginx
def test_nothing_else_gets_through(start: Start) -> None:
    with cluster() as server:
        port = start(configuration(f"http://127.0.0.1:{server.port}"))
        assert ask(port, "GET") == ask(port, "DELETE") == ask(port, "PUT") == 403
        assert ask(port, path="/") == ask(port, path="/_search") == ask(port, path=f"{PATH}/x") == 404
        assert ask(port, path="/ocs-campaign-groups-other/_doc") == 404
    assert server.requests == []


@needs_nginx
def test_who_is_not_ocs_is_refused(start: Start) -> None:
    with cluster() as server:
        text = configuration(f"http://127.0.0.1:{server.port}").replace("allow 192.0.2.10;", "allow 192.0.2.11;")
        assert ask(start(text)) == 403
    assert server.requests == []


@needs_nginx
def test_a_large_message_gets_through(start: Start) -> None:
    """nginx's own limit is 1 MB, and a 413 is a message lost."""
    with cluster() as server:
        port = start(configuration(f"http://127.0.0.1:{server.port}"))
        assert ask(port, body=b"{" + b" " * 5_000_000 + b"}") == 201


@needs_nginx
def test_tls_to_the_cluster_is_verified(start: Start) -> None:
    ca = CA()
    with cluster(certificate=ca.issue_cert("localhost", "127.0.0.1")) as server:
        text = configuration(f"https://localhost:{server.port}", fingerprint="0" * 64)
        assert ask(start(text, ca)) == 201
        assert ask(start(text, CA())) == 502
        assert ask(start(text.replace("proxy_ssl_name localhost;", "proxy_ssl_name other.example;"), ca)) == 502
    assert len(server.requests) == 1


@needs_nginx
def test_an_ip_address_is_not_verified_by_nginx(start: Start) -> None:
    """Why such an address is refused: even where the certificate holds it, every message would be a 502."""
    ca = CA()
    with cluster(certificate=ca.issue_cert("localhost", "127.0.0.1")) as server:
        text = configuration(f"https://localhost:{server.port}", fingerprint="0" * 64)
        assert ask(start(text.replace("proxy_ssl_name localhost;", "proxy_ssl_name 127.0.0.1;"), ca)) == 502
    assert server.requests == []


@needs_nginx
def test_another_host_takes_what_a_host_that_is_down_cannot(start: Start) -> None:
    with socket.socket() as down, cluster() as server:
        down.bind(("127.0.0.1", 0))  # nobody listens
        hosts = f"http://127.0.0.1:{down.getsockname()[1]}", f"http://127.0.0.1:{server.port}"
        port = start(configuration(*hosts))
        assert [ask(port) for _ in range(6)] == [201] * 6
    assert len(server.requests) == 6


@needs_nginx
def test_what_a_host_may_have_taken_is_not_sent_again(start: Start) -> None:
    """A message twice would be counted twice."""
    with cluster(Server(503)) as troubled, cluster() as server:
        port = start(configuration(f"http://127.0.0.1:{troubled.port}", f"http://127.0.0.1:{server.port}"))
        answers = {ask(port) for _ in range(4)}
    assert answers == {503, 201}
    assert len(troubled.requests) + len(server.requests) == 4
