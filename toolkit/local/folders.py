"""The folder of one engine, and folders in general: making them, refusing those that cannot work, leaving nothing.

    <state>/local.json           the engine that `--profile local` means
    <state>/engine-<random>/
        keeper.json              which process started it, so that a later one can tell what was left behind
        engine.log
        run/                     conf, data, logs, tmp: the engine's own, under root owned by its account

What stands outside `run` is only read and written by us: root believes nothing that the engine's account could write.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from toolkit import signals
from toolkit.config import is_root, local_record, state_folder
from toolkit.errors import EngineError
from toolkit.local import launch, process

_BEING_MADE_S = 600  # a folder without a keeper is younger than this while its maker is still at it
_CLOCK_S = 60  # by so much may the clock be set while an engine runs without its keeper being taken for another
_DATA_BYTES = 50_000_000  # less, and an engine dies while it starts, often without room to say why
_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def usable(folder: Path, variable: str) -> Iterator[None]:
    """Errors of the file system inside become an `EngineError` that names the folder and how to choose another."""
    try:
        yield
    except OSError as error:
        if process.is_missing_right(error):
            raise process.no_other_user(error) from error
        where = error.filename or folder
        if error.errno in _DISK_FULL:
            raise disk_full(folder, variable) from error
        raise EngineError(
            f"{where} cannot be used: {error.strerror or error}",
            hint=f"let this user write to {folder}, or set {variable} to another folder",
        ) from error


def disk_full(folder: Path, variable: str, needed: int | None = None) -> EngineError:
    """What to say when there is no room: how much there is and, where known, how much is needed (in bytes)."""
    free = f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free"
    wanted = f", {needed / 1e6:.0f} MB are needed" if needed else ""
    return EngineError(
        f"the disk of {folder} is full: {free}{wanted}",
        hint=f"free some space, or set {variable} to a folder on another disk",
    )


def require_space(folder: Path, variable: str, needed: int) -> None:
    """Refuse to begin what cannot end: `needed` bytes must be free."""
    if shutil.disk_usage(folder).free < needed:
        raise disk_full(folder, variable, needed)


def require_entry(folder: Path, variable: str, account: process.Account | None) -> None:
    """Refuse a folder that the engine's account cannot enter, such as one below root's home."""
    if account is None:
        return
    for step in reversed([folder, *folder.parents]):
        status = step.stat()
        needed = (
            stat.S_IXUSR
            if status.st_uid == account.uid
            else stat.S_IXGRP
            if status.st_gid == account.gid
            else stat.S_IXOTH
        )
        if not status.st_mode & needed:
            raise EngineError(
                f"{step} cannot be entered by the user '{account.name}', whom the engine runs as under root",
                hint=f"set {variable} to a folder that every user can enter, or start as an ordinary user",
            )


def make(folder: Path) -> None:
    """Make a folder and its parents; root's can be entered by everyone, whatever its umask."""
    for step in reversed([folder, *folder.parents]):
        if not step.exists():
            step.mkdir(exist_ok=True)
            if is_root():
                step.chmod(0o755)
        elif not step.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(step))


def run_folder(folder: Path) -> Path:
    """The part of an engine's folder that is the engine's own."""
    return folder / "run"


def log_file(folder: Path) -> Path:
    """What an engine said, and Java before it."""
    return folder / "engine.log"


def new() -> Path:
    """A folder for an engine that this process is about to start.

    Raises:
        EngineError: the state folder cannot be used.
    """
    state = _state()
    with usable(state, "OCS_ELASTIC_STATE"):
        make(state)
        folder = state / f"engine-{secrets.token_hex(6)}"
        folder.mkdir()
        try:
            folder.chmod(0o755 if is_root() else 0o700)
            _write(folder / "keeper.json", {"pid": os.getpid(), "created": psutil.Process().create_time()})
        except BaseException:
            _delete(folder)
            raise
    return folder


def furnish(folder: Path, port: int | None, account: process.Account | None) -> None:
    """Put into a new folder what an engine needs, owned by the account that it runs as.

    Raises:
        EngineError: the disk is full, or root may not give files to another user.
    """
    with usable(folder, "OCS_ELASTIC_STATE"):
        require_entry(folder, "OCS_ELASTIC_STATE", account)
        require_space(folder, "OCS_ELASTIC_STATE", _DATA_BYTES)
        run = run_folder(folder)
        rooms = [run, *(run / name for name in ("conf", "data", "logs", "tmp"))]
        for room in rooms:
            room.mkdir(mode=0o700)
        for name, text in launch.configuration(run, port).items():
            (run / "conf" / name).write_text(text, encoding="utf-8")
        if account:
            for path in (*rooms, *(run / "conf").iterdir()):
                os.chown(path, account.uid, account.gid)


def discard(folder: Path, *, grace_s: float = 0) -> None:
    """Stop whatever runs from an engine's folder, waiting `grace_s` seconds before force, and delete the folder.

    Raises:
        EngineError: the process or the folder does not go.
    """
    with signals.uninterruptible():
        if left := process.find(launch.marker(run_folder(folder))):
            process.stop(left, grace_s=grace_s)
        _delete(folder)


def sweep(kept: Path | None) -> None:
    """Discard the engines that nobody keeps any more: their keeper was killed before it could clean up.

    Args:
        kept: The folder of the machine's `local` engine, whose keeper has ended as it should.

    Raises:
        EngineError: a process or a folder does not go.
    """
    for folder in sorted(_state().glob("engine-*")):
        if folder != kept and not _has_keeper(folder):
            discard(folder)


def read_record() -> dict[str, str | int | float] | None:
    """What `local.json` says, or None: there is none, or it cannot be ours.

    Only a folder of ours is ever believed, since `discard` will delete it.
    """
    try:
        record = json.loads(local_record().read_text(encoding="utf-8"))
        folder = Path(record["folder"])
        ours = folder.parent == _state() and folder.name.startswith("engine-")
        wanted = {"url": str, "pid": int, "created": float, "folder": str, "version": str, "log": str}
        if ours and all(isinstance(record[key], kind) for key, kind in wanted.items()):
            return {key: record[key] for key in wanted}
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return None


def write_record(record: dict[str, str | int | float]) -> None:
    """Make an engine the one that `--profile local` means."""
    with usable(_state(), "OCS_ELASTIC_STATE"):
        _write(local_record(), record)


def delete_record() -> None:
    """Forget the engine that `--profile local` means."""
    with usable(_state(), "OCS_ELASTIC_STATE"):
        local_record().unlink(missing_ok=True)


def _state() -> Path:
    return state_folder().resolve()  # one spelling: the folder's path is how its process is found


def _has_keeper(folder: Path) -> bool:
    try:
        keeper = json.loads((folder / "keeper.json").read_text(encoding="utf-8"))
        return bool(psutil.Process(keeper["pid"]).create_time() <= keeper["created"] + _CLOCK_S)
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False
    except (OSError, ValueError, LookupError, TypeError):
        try:
            return time.time() - folder.stat().st_mtime < _BEING_MADE_S
        except OSError:
            return True  # it has just gone


def _write(path: Path, value: dict[str, str | int | float]) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(json.dumps(value, indent=2), encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _delete(folder: Path) -> None:
    for last in (False, False, False, False, True):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError as error:  # Windows lets go of a dead process's files a moment late
            if last:
                raise EngineError(f"{folder} cannot be deleted: {error.strerror}", hint="delete it by hand") from error
        time.sleep(0 if not folder.exists() else 0.2)
        if not folder.exists():
            return
