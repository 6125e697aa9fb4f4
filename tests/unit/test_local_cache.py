"""The engine's archive: fetched once, checked, unpacked whole or not at all; every failure has a remedy."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.open_folder import open_folder
from toolkit.errors import EngineError, UsageError
from toolkit.local import cache, folders
from toolkit.local.cache import Artefact, engine_home
from toolkit.model import SILENT, Bar

FILES = {
    "engine-1.0/lib/engine.jar": b"\x00" * 1000,
    "engine-1.0/modules/analysis-common/analysis.jar": b"no Thai",
    "engine-1.0/modules/painless/painless.jar": b"painless",
    "engine-1.0/logs/": b"",
}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def pinned(content: bytes) -> Artefact:
    return Artefact("org.example.engine", "engine", "1.0", hashlib.sha256(content).hexdigest(), len(content))


ARCHIVE = zipped(FILES)
ARTEFACT = pinned(ARCHIVE)
PATH = "/mirror/org/example/engine/engine/1.0/engine-1.0.zip"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache folder; it does not exist yet."""
    with open_folder() as parent:
        monkeypatch.setenv("OCS_ELASTIC_CACHE", str(parent / "cache"))
        yield parent / "cache"


@pytest.fixture
def mirror(httpserver: HTTPServer) -> str:
    return httpserver.url_for("/mirror/")


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refused(**arguments: object) -> EngineError:
    with pytest.raises(EngineError) as caught:
        engine_home(SILENT, **({"artefact": ARTEFACT} | arguments))  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value


def test_the_engine_is_fetched_and_unpacked_once(folder: Path, mirror: str, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(PATH).respond_with_data(ARCHIVE)
    home = engine_home(SILENT, mirror=mirror, artefact=ARTEFACT)
    assert home.parent == folder
    assert files_in(home) == ["lib/engine.jar", "modules/painless/painless.jar"]
    assert (home / "logs").is_dir()
    assert engine_home(SILENT, mirror=mirror, artefact=ARTEFACT) == home
    assert len(httpserver.log) == 1


def test_a_download_is_announced_with_size_and_place(folder: Path, mirror: str, httpserver: HTTPServer) -> None:
    said: list[str] = []

    class Listening:
        def say(self, text: str) -> None:
            said.append(text)

        bar = staticmethod(SILENT.bar)

    httpserver.expect_request(PATH).respond_with_data(ARCHIVE)
    engine_home(Listening(), mirror=mirror, artefact=replace(ARTEFACT, size=5_000_000))
    assert said == [f"Fetching engine 1.0 (5 MB, once) from {mirror.rstrip('/')}{PATH[7:]} to {folder / 'downloads'}"]


@pytest.mark.parametrize("content", [ARCHIVE[:-1] + b"x", ARCHIVE[:500], b"<html>Please log in</html>", b""])
def test_bad_download(folder: Path, mirror: str, httpserver: HTTPServer, content: bytes) -> None:
    httpserver.expect_request(PATH).respond_with_data(content)
    error = refused(mirror=mirror)
    assert hashlib.sha256(content).hexdigest() in error.reason
    assert ARTEFACT.sha256 in error.reason
    assert "deleted" in error.reason
    assert files_in(folder) == []


@pytest.mark.parametrize("status", [401, 404, 500])
def test_bad_mirror_that_has_not_got_it(folder: Path, mirror: str, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request(PATH).respond_with_data(b"no", status=status)
    error = refused(mirror=mirror)
    assert f"{PATH} cannot be fetched: the server answered {status}" in error.reason
    assert "laid out like Maven Central" in (error.hint or "")
    assert files_in(folder) == []


def test_bad_download_that_is_cut(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + ARCHIVE[:100])

        thread = threading.Thread(target=answer)
        thread.start()
        error = refused(mirror=f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert "cannot be fetched" in error.reason
    assert files_in(folder) == []


def test_without_network_the_remedy_names_archive_mirror_and_coordinates(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = refused(mirror=f"http://127.0.0.1:{port}")
    assert "cannot be fetched: Failed to establish a new connection" in error.reason
    for word in ("--archive", "--mirror", "org.example.engine:engine:1.0 (zip)"):
        assert word in (error.hint or "")
    assert files_in(folder) == []


def test_a_download_that_was_damaged_in_the_cache_is_fetched_again(
    folder: Path, mirror: str, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data(ARCHIVE)
    (folder / "downloads").mkdir(parents=True)
    (folder / "downloads" / "engine-1.0.zip").write_bytes(ARCHIVE[:100])
    assert files_in(engine_home(SILENT, mirror=mirror, artefact=ARTEFACT))


@pytest.mark.parametrize("mirror", ["http://user:secret@127.0.0.1:1/", "http://secret@127.0.0.1:1/"])
def test_bad_mirror_with_a_password_is_refused_and_not_repeated(folder: Path, mirror: str) -> None:
    with pytest.raises(UsageError) as caught:
        engine_home(SILENT, mirror=mirror, artefact=ARTEFACT)
    assert "secret" not in f"{caught.value.reason}{caught.value.hint}"


@pytest.mark.parametrize("mirror", ["here", "file:///here", "http://", "/here"])
def test_bad_mirror_that_is_no_address(folder: Path, mirror: str) -> None:
    with pytest.raises(UsageError, match="no http or https address"):
        engine_home(SILENT, mirror=mirror, artefact=ARTEFACT)


def test_an_archive_is_taken_instead_of_a_download(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "brought.zip"
    archive.write_bytes(ARCHIVE)
    assert files_in(engine_home(SILENT, archive=archive, artefact=ARTEFACT))
    assert archive.read_bytes() == ARCHIVE


@pytest.mark.parametrize(
    ("content", "how"),
    [
        (ARCHIVE[:-200], "cut off"),
        (zipped({"engine-1.0/other": b"x" * 2000}), "damaged"),
        (b"hello", "not a zip file"),
        (b"", "not a zip file"),
    ],
)
def test_bad_archive(folder: Path, tmp_path: Path, content: bytes, how: str) -> None:
    """It is the user's file: named, with both checksums, and left alone."""
    archive = tmp_path / "brought.zip"
    archive.write_bytes(content)
    error = refused(archive=archive)
    assert str(archive) in error.reason
    assert how in error.reason
    assert hashlib.sha256(content).hexdigest() in error.reason
    assert ARTEFACT.sha256 in error.reason
    assert archive.read_bytes() == content
    assert not folder.exists()


def test_bad_archive_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    assert "no.zip cannot be read" in refused(archive=tmp_path / "no.zip").reason
    assert "cannot be read" in refused(archive=tmp_path).reason


@pytest.mark.parametrize("name", ["engine-1.0/../../evil", "/evil", "../evil", "C:/evil", "engine-1.0\\..\\..\\evil"])
def test_bad_archive_that_reaches_outside(folder: Path, tmp_path: Path, name: str) -> None:
    archive = tmp_path / "evil.zip"
    archive.write_bytes(content := zipped({**FILES, name: b"evil"}))
    error = refused(archive=archive, artefact=pinned(content))
    assert "outside its folder" in error.reason
    assert files_in(folder.parent) == []


def test_bad_archive_that_is_no_zip_although_it_was_expected(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "text.zip"
    archive.write_bytes(b"hello")
    assert "is no zip file" in refused(archive=archive, artefact=pinned(b"hello")).reason
    assert files_in(folder) == []


def test_bad_disk_without_room_is_refused_before_it_is_filled(
    folder: Path, mirror: str, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    error = refused(mirror=mirror, artefact=replace(ARTEFACT, size=5_000_000))
    assert error.reason.endswith("is full: 0 MB are free, 5 MB are needed")
    assert "OCS_ELASTIC_CACHE" in (error.hint or "")
    assert files_in(folder) == []


class _Breaking:
    """A progress whose bar breaks after the first piece."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def say(self, text: str) -> None: ...

    def bar(self, title: str, total: int | None, unit: str) -> _Breaking:  # noqa: ARG002
        return self

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def advance(self, amount: int) -> None:  # noqa: ARG002
        raise self.error


@pytest.mark.parametrize("by_archive", [True, False])
def test_bad_disk_that_fills_up_meanwhile(
    folder: Path, tmp_path: Path, mirror: str, httpserver: HTTPServer, by_archive: bool
) -> None:
    httpserver.expect_request(PATH).respond_with_data(ARCHIVE)
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    source = {"archive": tmp_path / "a.zip"} if by_archive else {"mirror": mirror}
    with pytest.raises(EngineError, match="is full"):
        engine_home(_Breaking(OSError(errno.ENOSPC, "No space left")), artefact=ARTEFACT, **source)
    assert files_in(folder) == []


@pytest.mark.parametrize("by_archive", [True, False])
def test_an_interrupted_command_leaves_nothing_unfinished(
    folder: Path, tmp_path: Path, mirror: str, httpserver: HTTPServer, by_archive: bool
) -> None:
    httpserver.expect_request(PATH).respond_with_data(ARCHIVE)
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    source = {"archive": tmp_path / "a.zip"} if by_archive else {"mirror": mirror}
    with pytest.raises(KeyboardInterrupt):
        engine_home(_Breaking(KeyboardInterrupt()), artefact=ARTEFACT, **source)
    assert files_in(folder) == []
    assert files_in(engine_home(SILENT, artefact=ARTEFACT, **source))


def test_what_a_killed_command_left_unfinished_goes_after_a_day(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    (folder / "engine-1.0-0.part-1" / "lib").mkdir(parents=True)
    (folder / "downloads").mkdir()
    (folder / "downloads" / "tmp1").write_bytes(b"half")
    monkeypatch.setattr(cache, "_ABANDONED_S", 1000)
    home = engine_home(SILENT, archive=tmp_path / "a.zip", artefact=ARTEFACT)
    assert sorted(os.listdir(folder)) == ["downloads", "engine-1.0-0.part-1", home.name]
    shutil.rmtree(home)
    monkeypatch.setattr(cache, "_ABANDONED_S", -1)
    engine_home(SILENT, archive=tmp_path / "a.zip", artefact=ARTEFACT)
    assert sorted(os.listdir(folder)) == ["downloads", home.name]
    assert files_in(folder / "downloads") == []


def test_two_commands_at_once_agree(folder: Path, tmp_path: Path) -> None:
    """Whoever comes second finds the first one's folder in place, and takes it."""
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    homes: list[Path] = []

    class OvertakenWhileUnpacking:
        def say(self, text: str) -> None: ...

        def bar(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Bar]:
            homes.append(engine_home(SILENT, archive=tmp_path / "a.zip", artefact=ARTEFACT))
            return SILENT.bar(title, total, unit)

    homes.append(engine_home(OvertakenWhileUnpacking(), archive=tmp_path / "a.zip", artefact=ARTEFACT))
    assert homes[0] == homes[1]
    assert os.listdir(folder) == [homes[0].name]


def test_bad_cache_that_is_no_folder(folder: Path) -> None:
    folder.write_text("a file")
    error = refused(mirror="http://127.0.0.1:1")
    assert error.reason == f"{folder} cannot be used: Not a directory"
    assert "OCS_ELASTIC_CACHE" in (error.hint or "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_bad_cache_without_permission(folder: Path) -> None:
    folder.parent.chmod(0o500)
    try:
        assert "Permission denied" in refused(mirror="http://127.0.0.1:1").reason
    finally:
        folder.parent.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="concerns root alone")
def test_bad_cache_that_the_engines_account_cannot_enter(folder: Path) -> None:
    folder.parent.chmod(0o700)
    error = refused(mirror="http://127.0.0.1:1")
    assert f"{folder.parent} cannot be entered by the user 'nobody'" in error.reason
    assert files_in(folder) == []


def test_the_java_runtime_is_found() -> None:
    with open_folder() as parent, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OCS_ELASTIC_CACHE", str(parent / "cache"))
        java = cache.java(SILENT)
        assert java.is_file()
        assert os.access(java, os.X_OK)
        assert cache.java(SILENT) == java
        folders.require_entry(java.parent, "OCS_ELASTIC_CACHE", None)
