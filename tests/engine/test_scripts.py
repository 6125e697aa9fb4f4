"""What `render` writes, run without the toolkit, ends where the toolkit's own installation ends."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.running import Engine, Stream, installed
from toolkit.apply import remove
from toolkit.config import Settings
from toolkit.errors import ToolkitError
from toolkit.kinds import KIND
from toolkit.load import desired
from toolkit.scripts import console, curl, folder
from toolkit.uses.deployment import Deployment
from toolkit.uses.render import rendered, write_folder

_OWN = frozenset(
    {
        "checksum",  # over a body that holds the namespace
        "create_time",
        "created_date",
        "created_date_millis",
        "creation_date",
        "index_name",
        "index_uuid",
        "modified_date",
        "modified_date_millis",
        "provided_name",
        "uuid",
    }
)
"""What no two resources have in common, however they were made."""

MESSAGE = '{"GSW_CAMPAIGN_GROUP_GUID": "g-1", "GSW_CAMPAIGN_GROUP_STATE": 5, "GSW_CAMPAIGN_GROUP_ACTION": 9}'


def settings() -> Settings:
    return Settings(namespace=f"test_{secrets.token_hex(4)}", refresh_interval_s=1)


@pytest.fixture(name="fresh")
def _fresh(engine: Engine) -> Iterator[Stream]:
    """A namespace in which nothing is yet."""
    stream = Stream(engine, settings())
    yield stream
    with suppress(ToolkitError):  # the shared ones stay where another namespace uses them
        remove(engine.transport, [r for r in desired(stream.settings, engine.server) if r.namespace])


@pytest.fixture(name="model", scope="module")
def _model(engine: Engine) -> Iterator[Stream]:
    """A namespace that the toolkit itself installed."""
    yield from installed(engine, settings())


def shown(stream: Stream) -> dict[str, Any]:
    """Every resource as the server has it, without what is its own and with another word for the namespace."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items() if key not in _OWN}
        return [walk(item) for item in value] if isinstance(value, list) else value

    found = {}
    for resource in desired(stream.settings, stream.engine.server):
        found[f"{resource}"] = walk(KIND[resource.kind].read(stream.engine.transport, resource.name))
    return dict(json.loads(json.dumps(found).replace(stream.settings.namespace, "<namespace>")))


def is_marked(stream: Stream) -> None:
    """The marks, with their checksums, are those of the toolkit's own resources."""

    def mark(body: Any) -> Any:
        return body.get("policy", body).get("_meta")

    for resource in desired(stream.settings, stream.engine.server):
        if expected := mark(resource.body):
            assert mark(KIND[resource.kind].read(stream.engine.transport, resource.name)) == expected, resource


def is_what_the_toolkit_installs(stream: Stream, model: Stream) -> None:
    assert not Deployment(stream.engine.transport, stream.engine.server, stream.settings).plan().pending
    assert shown(stream) == shown(model)
    is_marked(stream)
    status, answer = stream.post(MESSAGE)
    assert status == 201
    assert stream.fetch(answer)["ocs"]["campaign_group"]["state"]["label"] == "Running"


def send(stream: Stream, method: str, path: str, body: str | None) -> int:
    """One request by other means than the toolkit's; its status."""
    url = f"{stream.engine.connection.url}/{path.lstrip('/')}"
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.skipif(not (shutil.which("sh") and shutil.which("curl")), reason="needs sh and curl")
def test_the_shell_script_installs_once_and_again(fresh: Stream, model: Stream, tmp_path: Path) -> None:
    file = tmp_path / "install.sh"
    file.write_text(curl.script(*rendered(fresh.settings, fresh.engine.server)), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "ELASTICSEARCH_URL": fresh.engine.connection.url}

    def run() -> str:
        done = subprocess.run(
            ["sh", file], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout

    assert "already" not in run()
    is_what_the_toolkit_installs(fresh, model)
    once = [request for step in rendered(fresh.settings, fresh.engine.server)[0] for request in step.requests]
    assert run().count("already") == sum(request.harmless is not None for request in once) - _transforms(fresh)
    is_what_the_toolkit_installs(fresh, model)


def _transforms(stream: Stream) -> int:
    """Those that are there already are updated, which is not worth a word."""
    return sum(resource.kind == "transform" for resource in desired(stream.settings, stream.engine.server))


_REQUEST = re.compile(r"(GET|PUT|POST|DELETE) (\S+)")
_HARMLESS = re.compile(r"# .* answers (\d{3}), .*: harmless\.")


def typed(script: str) -> Iterator[tuple[str, str, str | None, int | None]]:
    """The requests of a Dev Tools script as Kibana reads it, and the status that a comment calls harmless."""
    for block in script.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        request = _REQUEST.fullmatch(lines[0])
        assert request, lines[0]
        harmless = _HARMLESS.search(block)
        yield request[1], request[2], "\n".join(lines[1:]) or None, int(harmless[1]) if harmless else None


def test_the_console_script_installs_once_and_again(fresh: Stream, model: Stream) -> None:
    script = console.script(*rendered(fresh.settings, fresh.engine.server))
    for again in (False, True):
        for method, path, body, harmless in typed(script):
            status = send(fresh, method, path, body)
            assert status == (harmless if again and harmless else 200), f"{method} {path}"
        is_what_the_toolkit_installs(fresh, model)


def test_the_folder_installs_once_and_again(fresh: Stream, model: Stream, tmp_path: Path) -> None:
    """By whatever program: it looks at `ask` where an entry has one, and sends the file."""
    write_folder(folder.files(rendered(fresh.settings, fresh.engine.server)[0]), tmp_path)
    holds: dict[str, Callable[[str], bool]] = {
        "absent": lambda ask: fresh.engine.transport.get(ask) is None,
        "present": lambda ask: fresh.engine.transport.get(ask) is not None,
        "stopped": lambda ask: '"stopped"' in json.dumps(fresh.engine.transport.get(ask)),
    }
    for _ in range(2):
        for entry in json.loads((tmp_path / folder.ORDER).read_text(encoding="utf-8"))["requests"]:
            if "when" in entry and not holds[entry["when"]](entry["ask"]):
                continue
            body = (tmp_path / entry["file"]).read_text(encoding="utf-8") if "file" in entry else None
            assert send(fresh, entry["method"], entry["path"], body) == 200, entry
        is_what_the_toolkit_installs(fresh, model)
