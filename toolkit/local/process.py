"""Starts the engine's process, finds it again, stops it, and says how it ended. Knows nothing of OpenSearch's API."""

from __future__ import annotations

import errno
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from toolkit.config import is_root, program_environment
from toolkit.errors import EngineError

_NO_SUCH_RIGHT = (errno.EPERM, errno.EINVAL)  # EINVAL: a user namespace that does not map the other user


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the engine runs as."""

    name: str
    uid: int
    gid: int


def unprivileged() -> Account | None:
    """The account for the engine under root, whom it refuses; None: the user's own will do."""
    if not is_root():
        return None
    import pwd  # noqa: PLC0415 - Windows has none

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EngineError(
            "the engine refuses to run as root, and this machine has no user 'nobody' to run it as",
            hint="start it as an ordinary user",
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def no_other_user(error: OSError) -> EngineError:
    """What to say when root may not hand files or a process to another user."""
    return EngineError(
        f"the engine refuses to run as root, and this root may not act as another user ({error.strerror})",
        hint="start it as an ordinary user",
    )


def is_missing_right(error: OSError) -> bool:
    """Whether the error says that root lacks the capability, as in a restricted container."""
    return is_root() and error.errno in _NO_SUCH_RIGHT


def spawn(command: Sequence[str], *, folder: Path, log: Path, account: Account | None) -> subprocess.Popen[bytes]:
    """Start a program in `folder`, detached from the terminal, its output going to `log`.

    Raises:
        EngineError: the program cannot be executed, or not as that account.
    """
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=program_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C reaches the toolkit alone, which then cleans up
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
    except OSError as error:
        if account and is_missing_right(error):
            raise no_other_user(error) from error
        raise EngineError(
            f"{command[0]} cannot be executed: {error.strerror}",
            hint="its file system may be mounted noexec, or the machine may lack the C library that it needs: "
            "set OCS_ELASTIC_CACHE to another folder, or install 'ocs-elastic-toolkit[local]' again",
        ) from error


def find(marker: str, pid: int | None = None) -> psutil.Process | None:
    """The living process with `marker` among its arguments; with `pid`, that process or none.

    A pid alone is no proof, since pids are reused; the marker holds a random name that no other process has.
    (psutil's creation time is none either: it moves when the machine's clock is set.)
    """
    candidates: Iterator[psutil.Process]
    try:
        candidates = psutil.process_iter() if pid is None else iter([psutil.Process(pid)])
    except psutil.NoSuchProcess:
        return None
    for candidate in candidates:
        try:
            if marker in candidate.cmdline():  # a zombie has no arguments left
                return candidate
        except psutil.Error:
            continue  # it has gone, or it is someone else's
    return None


def stop(process: psutil.Process, *, grace_s: float) -> None:
    """End a process and wait until it has gone: politely, and after `grace_s` seconds by force.

    Raises:
        EngineError: it is not ours to stop, or it does not go.
    """
    try:
        if grace_s > 0:
            process.terminate()
            try:
                process.wait(grace_s)
                return
            except psutil.TimeoutExpired:
                pass
        process.kill()
        process.wait(10)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise EngineError(
            f"process {process.pid} belongs to another user", hint="stop the engine as the user who started it"
        ) from error
    except psutil.TimeoutExpired as error:
        raise EngineError(
            f"process {process.pid} does not end, even by force",
            hint="it may wait for a disk that does not answer; restart the machine if it stays",
        ) from error


def how_it_ended(code: int) -> str:
    """An exit code in words; Python gives a signal as a negative number."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGKILL":
        return "was killed (SIGKILL): often the machine is out of memory"
    return f"was ended by {name}"
