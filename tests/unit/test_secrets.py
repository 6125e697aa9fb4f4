"""No secret is anywhere but where it was asked for: every command, in a process of its own, by whichever credential.

The command is typed into a shell that keeps its history, with all logging of the client switched on. Searched are both
outputs, every file that is there afterwards, the command lines of all its processes, and the history. The secrets are
given in every way that the configuration knows, and some of what is asked goes wrong.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import pytest
import typer
from pytest_httpserver import HTTPServer
from trustme import CA
from werkzeug import Request, Response

from tests.unit.cluster import HEADERS, INDEX, STREAM, Cluster
from tests.unit.kibana import BASE, FakeKibana
from tests.unit.secured import Secured
from tests.unit.tls import Server, serving
from toolkit.cli.main import app

pytestmark = pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs a POSIX shell")

PASSWORD = "Pw7/Kq9Zt4Vx2Hs8@ %+ü"
KEY = base64.b64encode(b"aKeysId:Key5Rm3Wd6Jp0Ly8Cn").decode()
PROXY_PASSWORD = "Px3/Gb6Nf1Qs9Te5@"
OCS_PASSWORD = "Oc4/Xa8Uj2Ei7Mo3@"
SECRETS = {
    "password": ("Kq9Zt4Vx2Hs8", PASSWORD, f"elastic:{PASSWORD}"),
    "API key": ("Key5Rm3Wd6Jp0Ly8Cn", KEY),
    "proxy's password": ("Gb6Nf1Qs9Te5", PROXY_PASSWORD, f"proxy:{PROXY_PASSWORD}"),
    "OCS's password": ("Xa8Uj2Ei7Mo3", OCS_PASSWORD, f"ocs:{OCS_PASSWORD}"),
}
"""Of each its middle, which no escape changes, and all that may be encoded as one."""
MESSAGE = json.dumps({"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}).encode()

LINES: dict[str, list[str]] = {
    "apply": ["--yes"],
    "bootstrap": ["--yes --credential-output new"],
    "credentials create": ["--kind api-key", "--output new --json"],
    "credentials revoke": ["--yes ocs-elastic-ocs-default-1"],
    "credentials rotate": ["--json", "--kind api-key --format nginx --output new"],
    "dashboards export": ["--json"],
    "dashboards import": ["--yes"],
    "dashboards lint": ["--json"],
    "dashboards plan": ["--json"],
    "demo": ["--archive no-archive"],
    "destroy": ["--yes --data ocs-campaign-groups-default --data ocs-dead-letters-default"],
    "doctor": ["--json", "--check"],
    "failures list": ["--json"],
    "failures replay": ["--yes --json", "--dry-run"],
    "failures show": ["an-id --json"],
    "init": ["--config new.yml"],
    "listen": ["--port 0 --count 1 --samples new", "--port 0 --count 1 --json --samples new"],
    "local down": [""],
    "local status": ["--json"],
    "local up": ["--archive no-archive"],
    "migrate baseline": ["--to 1 --yes"],
    "migrate new": ["of_today --folder new"],
    "migrate repair": ["--dry-run --json", "--yes"],
    "migrate status": ["--json"],
    "migrate unlock": ["--host elsewhere"],
    "migrate up": ["--yes --json", "--dry-run"],
    "options": ["--json", "--format nginx"],
    "plan": ["--json"],
    "relabel": ["--yes --json", "--dry-run"],
    "render": ["--output new", "--format curl --output new"],
    "report": ["--output new.html", "--json"],
    "simulate": ["--count 3 --json --truth new"],
    "sizing": ["--measure --groups 200 --json"],
    "status": ["--json"],
    "verify": ["--json"],
}
"""Every command, with what is typed behind it."""
ASKS_NOBODY = {
    "dashboards lint", "demo", "init", "listen", "local down", "local status", "local up", "migrate new", "options",
}  # fmt: skip
"""These send the connection's credential to nobody, or only once OCS has posted."""
ASKING_SOMEBODY = [command for command in LINES if command not in ASKS_NOBODY - {"listen"}]
LOGS_NOTHING = ASKS_NOBODY - {"listen"} | {"simulate"}
"""And these do not use the client that can log."""
SHOWS = {"credentials create", "credentials rotate"}
"""These show a new secret, once, on standard output, unless it goes into a file."""


def commands(group: Any = None, *before: str) -> Iterator[str]:
    root: Any = group or typer.main.get_command(app)
    for name, command in root.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield " ".join([*before, name])


def test_every_command_is_known() -> None:
    """A new command has to be named here, so that none can forget this test."""
    assert set(commands()) == LINES.keys()


class Elasticsearch(Secured):
    """Knows users, keys and streams, takes what is put, and asks everybody who they are."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "default")
        self.cluster, self.kibana = Cluster(url), FakeKibana()
        self.accepted = {basic("elastic", PASSWORD), basic("ocs", OCS_PASSWORD), f"ApiKey {KEY}"}
        self.authorizations: set[str | None] = set()

    def answer(self, request: Request) -> Response:
        given = request.headers.get("Authorization")
        self.authorizations.add(given)
        if given not in self.accepted:
            return _json({"error": {"type": "security_exception", "reason": "unable to authenticate"}}, 401)
        if given == basic("ocs", OCS_PASSWORD) and not request.path.endswith("/_doc"):
            return _json({"error": {"type": "security_exception", "reason": "is unauthorized"}}, 403)
        if request.path.startswith(BASE):
            return self.kibana.answer(request)
        if re.match(r"/(ocs-(campaign-groups|dead-letters)-default|\.ds-ocs-[^/]+)/", request.path):
            return self._of_a_stream(request)
        return super().answer(request)

    def _of_a_stream(self, request: Request) -> Response:
        if request.path.endswith("/_doc") and b"ocs-elastic-verify" not in request.data:
            return _json({"_index": INDEX.format(STREAM), "_id": "i", "result": "created"}, 201)
        if request.path.endswith("/_search") and "fields" not in (request.get_json(silent=True) or {}):
            return _json({"hits": {"total": {"value": 0}, "hits": []}, "aggregations": {}})
        return self.cluster.answer(request)

    def _answer(self, request: Request, body: Any) -> tuple[int, Any]:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["_security", "role"]:
                return 200, self.roles
            case "POST", ["_ingest", "pipeline", "_simulate"]:
                return 200, {"docs": [{"doc": {"_index": STREAM, "_source": {}}}]}
            case "GET", [first, *_] if first not in ("", "_security", "_nodes", "_xpack", "_data_stream"):
                return 404, {}
        return super()._answer(request, body)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, {**HEADERS, "kbn-name": "kibana", "Content-Type": "application/json"})


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


@pytest.fixture(name="server")
def _server(web: HTTPServer) -> Elasticsearch:
    found = Elasticsearch(web.url_for("").rstrip("/"))
    web.clear()
    web.expect_request(re.compile(".*")).respond_with_handler(found.answer)
    return found


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str
    lines: set[str] = field(default_factory=set)
    """Every command line that a process of it had."""
    files: dict[str, bytes] = field(default_factory=dict)

    def places(self) -> Iterator[tuple[str, bytes]]:
        yield "standard output", self.out.encode()
        yield "standard error", self.err.encode()
        yield "the process list", "\n".join(self.lines).encode()
        yield from self.files.items()


class Shell:
    """A shell in a home of its own. In `given` are the secrets, which are not searched."""

    def __init__(self, folder: Path) -> None:
        self.home, self.given = folder / "home", folder / "given"
        self.home.mkdir()
        self.given.mkdir()
        (self.given / "sitecustomize.py").write_text(
            "import logging, elastic_transport\nlogging.basicConfig(level=0)\nelastic_transport.debug_logging()\n"
        )
        for name, secret in (("password", PASSWORD), ("key", KEY)):
            (self.given / name).write_text(secret, encoding="utf-8")
            (self.given / name).chmod(0o600)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not re.match("ELASTIC|KIBANA|OCS_|XDG_", name)},
            "HOME": str(self.home),
            "HISTFILE": str(self.home / ".bash_history"),
            "OCS_ELASTIC_STATE": str(self.home / "state"),
            "OCS_ELASTIC_CACHE": str(self.home / "cache"),
            "PYTHONPATH": str(self.given),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def typed(self, line: str) -> Ran:
        """Type a command; what it printed, where it was seen, and what is there afterwards."""
        script = f"set -o history\n{line} </dev/null\ncode=$?\nhistory -a\nexit $code\n"
        out, err = self.given / "out", self.given / "err"
        ran = Ran(-1, "", "")
        with (
            out.open("w", encoding="utf-8") as to_out,
            err.open("w", encoding="utf-8") as to_err,
            subprocess.Popen(
                ["bash", "--norc"],
                stdin=subprocess.PIPE,
                stdout=to_out,
                stderr=to_err,
                text=True,
                cwd=self.home,
                env=self.environment,
            ) as shell,
        ):
            assert shell.stdin is not None
            shell.stdin.write(script)
            shell.stdin.close()
            deadline, asked = time.monotonic() + 60, False
            while shell.poll() is None:
                assert time.monotonic() < deadline, err.read_text(encoding="utf-8")
                ran.lines |= set(_command_lines(shell.pid))
                if not asked and (found := re.search(r"^Listening: .* = (\S+)$", err.read_text(), re.MULTILINE)):
                    asked = True
                    _post_as_ocs(found[1])
                time.sleep(0.03)
        ran.code, ran.out, ran.err = shell.returncode, out.read_text(), err.read_text()
        ran.files = {str(f.relative_to(self.home)): f.read_bytes() for f in self.home.rglob("*") if f.is_file()}
        return ran


def _command_lines(pid: int) -> Iterator[str]:
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            yield " ".join(each.cmdline())
    except psutil.Error:
        return  # it has ended


def _post_as_ocs(uri: str) -> None:
    """With user and password in every place where an OCS may put them."""
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    connection.putrequest("POST", f"http://ocs:{OCS_PASSWORD}@{parts.netloc}{parts.path}", skip_host=True)
    for name, value in (
        ("Host", f"ocs:{OCS_PASSWORD}@{parts.netloc}"),
        ("Authorization", basic("ocs", OCS_PASSWORD)),
        ("X-Api-Key", OCS_PASSWORD),
        ("Cookie", f"session={OCS_PASSWORD}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(MESSAGE))),
    ):
        connection.putheader(name, value)
    connection.endheaders(MESSAGE)
    connection.getresponse().read()
    connection.close()


def forms(*texts: str) -> set[bytes]:
    """A secret as it is, quoted for a URI or JSON, and in the middle of any base64."""
    found = set()
    for text in texts:
        found |= {text, quote(text), quote(text, safe=""), json.dumps(text)[1:-1], repr(text)[1:-1]}
        raw = text.encode()
        for skipped in range(3):  # where its bytes stand in the groups of three
            whole = base64.b64encode(b"\0" * skipped + raw).decode()
            middle = whole[(0, 2, 3)[skipped] : len(whole) // 4 * 4 - 4]
            found |= {middle, middle.replace("+", "-").replace("/", "_")}
    return {form.encode() for form in found}


def leaks(ran: Ran, **more: tuple[str, ...]) -> list[str]:
    """Which secret is where, in words that do not repeat it."""
    return [
        f"{name} in {place}"
        for name, texts in {**SECRETS, **more}.items()
        for place, content in ran.places()
        if any(form in content for form in forms(*texts))
    ]


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def line_of(command: str, arguments: str, profile: str = "") -> str:
    given = f"--profile {profile}" if profile and command in TAKES_PROFILE else ""
    return f"{shlex.quote(sys.executable)} -m toolkit {command} {given} {arguments}"


TAKES_PROFILE = LINES.keys() - {"demo", "init", "local down", "local status", "local up", "dashboards lint"}


@contextmanager
def a_closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


ALL, ASKING = ([pytest.param(line, id=line.replace(" ", "-")) for line in them] for them in (LINES, ASKING_SOMEBODY))


@pytest.mark.parametrize("command", ALL)
def test_accepted_as_user_of_the_environment(shell: Shell, server: Elasticsearch, command: str) -> None:
    """And what is made shows its secret in one place."""
    shell.environment |= {
        "ELASTICSEARCH_URL": server.url,
        "ELASTICSEARCH_USERNAME": "elastic",
        "ELASTICSEARCH_PASSWORD": PASSWORD,
        "KIBANA_URL": server.url + BASE,
    }
    if command != "bootstrap":  # which would make one otherwise
        shell.environment |= {"OCS_ELASTIC_OCS_USERNAME": "ocs", "OCS_ELASTIC_OCS_PASSWORD": OCS_PASSWORD}
    config = shell.home / "ocs-elastic.yml"  # simulate takes no cluster from the environment alone
    config.write_text(f"profiles: {{it: {{url: '{server.url}', username: elastic, password_file: ../given/password}}}}")
    if command in ("credentials rotate", "credentials revoke"):
        assert shell.typed(line_of("credentials create", "--output first")).code == 0
    for number, arguments in enumerate(LINES[command]):
        known = server.secrets()
        for new in shell.home.glob("new*"):
            shutil.rmtree(new) if new.is_dir() else new.unlink()
        if command.startswith("credentials") and number:
            server.users.pop("ocs-elastic-ocs-default-2", None)
            server.api_keys.clear()
        ran = shell.typed(line_of(command, arguments, "it" if command == "simulate" else ""))
        assert leaks(ran) == [], ran
        made = server.secrets() - known
        where = leaks(ran, made=tuple(made)) if made else []
        in_file = "output" in arguments
        assert bool(made) is (command in SHOWS) or command == "bootstrap", ran
        assert where == (["made in new" if in_file else "made in standard output"] if made else []), ran
        if made and in_file:
            assert (shell.home / "new").stat().st_mode & 0o777 == 0o600
        assert ("> Authorization: Basic <hidden>" in ran.err) is (command not in LOGS_NOTHING), ran  # so it is logged
    assert (basic("elastic", PASSWORD) in server.authorizations) is (command not in ASKS_NOBODY - {"listen"})


@pytest.mark.parametrize("command", ASKING)
def test_refused_as_api_key_of_a_file(shell: Shell, server: Elasticsearch, command: str) -> None:
    server.accepted.clear()
    (shell.home / "ocs-elastic.yml").write_text(
        f"profiles: {{it: {{url: '{server.url}', api_key_file: ../given/key, kibana: {{url: '{server.url}{BASE}'}}}}}}"
    )
    ran = shell.typed(line_of(command, LINES[command][0], "it"))
    assert leaks(ran) == [], ran
    assert server.authorizations == {f"ApiKey {KEY}"}
    assert ran.code != 0, ran


@pytest.mark.parametrize("command", ASKING)
def test_unreachable_by_an_address_with_user_and_password(shell: Shell, command: str) -> None:
    with a_closed_port() as port:
        address = f"http://elastic:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        shell.environment |= {"ELASTICSEARCH_URL": address, "KIBANA_URL": address + BASE}
        ran = shell.typed(line_of(command, LINES[command][0]))
    assert leaks(ran) == [], ran
    assert ran.code != 0, ran


@pytest.mark.parametrize("command", ASKING)
def test_a_certificate_that_is_not_trusted(shell: Shell, command: str) -> None:
    with serving(Server(), CA().issue_cert("127.0.0.1")) as server:
        shell.environment |= {
            "ELASTICSEARCH_URL": f"https://127.0.0.1:{server.port}",
            "ELASTICSEARCH_API_KEY": KEY,
            "KIBANA_URL": f"https://127.0.0.1:{server.port}",
        }
        ran = shell.typed(line_of(command, LINES[command][0]))
    assert leaks(ran) == [], ran
    assert ran.code != 0, ran
    assert server.requests == []


@pytest.mark.parametrize("command", ASKING)
def test_a_proxy_that_does_not_know_its_user(shell: Shell, command: str) -> None:
    proxy_of = Server(407, "who are you?")
    with serving(proxy_of) as server:
        proxy = f"http://proxy:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:{server.port}"
        (shell.given / "ocs-elastic.yml").write_text(
            "profiles: {it: {url: 'http://es.example:9200', username: elastic, password_file: password, "
            f"proxy: '{proxy}', kibana: {{url: 'http://kibana.example'}}}}}}"
        )
        shell.environment["OCS_ELASTIC_CONFIG"] = str(shell.given / "ocs-elastic.yml")
        if command == "bootstrap":  # which cannot verify through a proxy, and says so before it asks anybody
            shell.environment["OCS_ELASTIC_OCS_URI"] = "http://es.example:9200/ocs-campaign-groups-default/_doc"
        ran = shell.typed(line_of(command, LINES[command][0], "it"))
    assert leaks(ran) == [], ran
    assert ran.code != 0, ran
    assert bool(server.requests) is (command not in {"simulate", "verify"}), ran  # these post as OCS does: directly


MISTAKES: dict[str, dict[str, str]] = {
    "a line too many": {"ELASTICSEARCH_URL": "http://127.0.0.1:9", "ELASTICSEARCH_API_KEY": f"{KEY}\n{KEY}"},
    "two credentials": {
        "ELASTICSEARCH_URL": f"http://elastic:{quote(PASSWORD, safe='')}@127.0.0.1:9",
        "ELASTICSEARCH_API_KEY": KEY,
    },
    "a password in two": {
        "ELASTICSEARCH_URL": "http://127.0.0.1:9",
        "ELASTICSEARCH_USERNAME": "elastic",
        "ELASTICSEARCH_PASSWORD": PASSWORD,
        "ELASTICSEARCH_API_KEY": KEY,
    },
    "a password that is not quoted": {"ELASTICSEARCH_URL": f"http://elastic:{PASSWORD}@127.0.0.1:9"},
    "a proxy that is none": {
        "ELASTICSEARCH_URL": "http://127.0.0.1:9",
        "ELASTICSEARCH_PROXY": f"socks://proxy:{PROXY_PASSWORD}@h",
    },
    "a Kibana that is none": {
        "ELASTICSEARCH_URL": "http://127.0.0.1:9",
        "KIBANA_URL": f"htp://elastic:{quote(PASSWORD, safe='')}@h",
    },
    "an API key as Cloud id": {"ELASTICSEARCH_CLOUD_ID": KEY},
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_the_environment(shell: Shell, mistake: dict[str, str]) -> None:
    shell.environment |= mistake
    ran = shell.typed(line_of("plan", ""))
    assert leaks(ran) == [], ran
    assert (ran.code, "Traceback" in ran.err) == (2, False), ran


@pytest.mark.parametrize(
    "text",
    [
        f"profiles: {{it: {{url: 'http://h', password: '{PASSWORD}'}}}}",
        f"profiles: {{it: {{url: 'http://h', api_key: {KEY}}}}}",
        f"profiles: {{it: {{url: 'http://h', proxy: 'http://proxy:{PROXY_PASSWORD} x@h'}}}}",
        f"profiles: {{it: {{url: 'http://elastic:{PASSWORD}@h'}}}}",
        f"profiles: {{it: {{url: 'http://h', proxy: 'http://proxy:{PROXY_PASSWORD}@h'",
        f"profiles:\n  it:\n    url: http://h\n    proxy: http://proxy:{PROXY_PASSWORD}@h: x\n",
        f"password: {PASSWORD}\n",
    ],
)
def test_a_mistake_in_the_file(shell: Shell, text: str) -> None:
    (shell.given / "ocs-elastic.yml").write_text(text, encoding="utf-8")
    shell.environment["OCS_ELASTIC_CONFIG"] = str(shell.given / "ocs-elastic.yml")
    ran = shell.typed(line_of("plan", "--profile it"))
    assert leaks(ran) == [], ran
    assert (ran.code, "Traceback" in ran.err) == (2, False), ran


@pytest.mark.parametrize(
    "line",
    [
        "echo {} >file",
        "echo {}",
        "echo {} >&2",
        "printf %s elastic:{} | base64 >file; : {}",
        "bash -c 'sleep 0.3; : {}'",
    ],
)
def test_a_leak_would_be_found(shell: Shell, line: str) -> None:
    """In a file, an output, the process list and the history, so the tests above can fail."""
    found = leaks(shell.typed(line.replace("{}", shlex.quote(PASSWORD).replace("'", ""))))
    assert "password in .bash_history" in found
    assert len(found) >= 2


@pytest.mark.parametrize("before", ["", "x", "xy", "elastic:"])
def test_a_leak_in_base64_would_be_found(before: str) -> None:
    ran = Ran(0, base64.b64encode(f"{before}{PASSWORD}".encode()).decode(), "")
    assert leaks(ran) == ["password in standard output"]
