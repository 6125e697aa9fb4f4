"""The lock: one document that says who is changing a cluster, or does what only one may do at a time.

It is made by `op_type=create`, so that of two only one can have it; a heartbeat keeps it from expiring; and only its
holder releases it, by the sequence number that the holder wrote last. Its times are by its holder's clock, which may be
hours off, or ours may be: so before it is taken over for its time alone, it is watched for a heartbeat.
"""

from __future__ import annotations

import getpass
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from toolkit.client.transport import Transport
from toolkit.errors import LockHeldError, RejectedError, ToolkitError
from toolkit.model import STATE_INDEX, Body

INDEX = STATE_INDEX
EXPIRES_AFTER_S = 120
HEARTBEAT_S = 20
_SKEW_S = 60
"""How far two machines' clocks may be apart before an expired lock is believed to be one."""
_WATCH_S = 25
"""How long a lock is watched for its holder's next heartbeat before it is taken over: a little longer than one."""
_RELEASE_AGAIN_S = 1
"""How long a refused release waits before it is asked for again."""

CLUSTER = "lock"
"""The lock of whoever changes what a cluster's namespaces share, or a namespace's resources."""

_CHANGING = "is changing this cluster"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a lock, by what they wrote; times are ISO 8601, UTC, by their clock."""

    name: str
    """The lock's."""
    owner: str
    host: str
    process: int
    doing: str
    taken: str
    heartbeat: str
    expires: str
    gone: bool
    """Whether it was a process of this machine that is no more, so that the next run takes the lock over at once."""
    expired: bool
    """Whether its time has come, by our clock, so that the next run takes it over after a look."""
    position: dict[str, str]
    """The sequence number of what was read: of another one nothing is done."""

    def as_json(self) -> Body:
        """For programs."""
        return {key: value for key, value in asdict(self).items() if key != "position"}

    def __str__(self) -> str:
        return f"{self.owner} on {self.host} (process {self.process})"


class Lock:
    """A lock that is held."""

    def __init__(self, transport: Transport, owner: str, *, name: str = CLUSTER, doing: str = _CHANGING) -> None:
        self._transport = transport
        self._owner = owner
        self._path = f"/{INDEX}/_doc/{name}"
        self._doing = doing
        self._id = str(uuid4())
        self._taken = datetime.now(UTC)
        self._position: dict[str, str] = {}
        self._stop = Event()
        self._lost: str | None = None
        self._heard_s = 0.0
        """When the server last said that it is held, by the clock on the wall, which goes on while a machine sleeps."""

    def check(self) -> None:
        """Make sure that it is still held, before every write that it protects.

        Raises:
            LockHeldError: somebody else took it over.
        """
        if not self._lost and time.time() - self._heard_s > EXPIRES_AFTER_S and not self._is_ours():
            self._lost = "this process was stopped for a while, or the server away, and it expired"
        if self._lost:
            raise LockHeldError(
                f"the lock was lost: {self._lost}", hint="see who changes the cluster, then run the command again"
            )

    def _document(self) -> Body:
        now = datetime.now(UTC)
        return {
            "type": "lock",
            "id": self._id,
            "owner": self._owner,
            "doing": self._doing,
            "host": platform.node(),
            "process": os.getpid(),
            "machine": _machine(),
            "taken": _iso(self._taken),
            "heartbeat": _iso(now),
            "expires": _iso(now + timedelta(seconds=EXPIRES_AFTER_S)),
        }

    def _take(self) -> None:
        try:
            answer = self._transport.put(self._path, self._document(), params={"op_type": "create"})
        except RejectedError as error:
            if error.status != 409:
                raise
            answer = self._take_over(error)
        self._wrote(answer)

    def _take_over(self, conflict: RejectedError) -> Any:
        held = self._transport.get(self._path)
        if held is None:  # released this very moment
            return self._transport.put(self._path, self._document(), params={"op_type": "create"})
        lock = held["_source"]
        if lock["id"] == self._id:  # the first answer was lost on its way, and the request sent again
            return held
        if not _died_here(lock) and (_in_force(lock) or self._beats(held)):
            raise held_by(lock) from conflict
        try:
            return self._transport.put(self._path, self._document(), params=position(held))
        except RejectedError as error:
            if error.status != 409:
                raise
            raise held_by(lock) from error

    def _beats(self, held: Body) -> bool:
        """Whether its holder is alive, by whatever clock: it writes the lock again and again."""
        time.sleep(_WATCH_S)
        now = self._transport.get(self._path)
        return now is not None and position(now) != position(held)

    def _wrote(self, answer: Any) -> None:
        self._position = position(answer)
        self._heard_s = time.time()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                self._wrote(self._transport.put(self._path, self._document(), params=self._position))
            except RejectedError as error:
                if error.status == 409 and not self._is_ours():
                    self._lost = error.reason
                    return
            except ToolkitError:
                continue  # the server may be back before the lock expires

    def _is_ours(self) -> bool:
        """Whether it is held, after a refusal: the answer to an earlier heartbeat may have been lost on its way."""
        try:
            held = self._transport.get(self._path)
        except ToolkitError:
            return True  # the next heartbeat will tell
        if held is None or held["_source"]["id"] != self._id:
            return False
        self._wrote(held)
        return True

    def _end(self, heartbeat: Thread) -> None:
        self._stop.set()
        heartbeat.join()
        self._release()

    def _release(self) -> None:
        """Give it back: asked twice if need be, since one that is gone already is what is wanted."""
        try:
            self._delete()
        except ToolkitError:
            time.sleep(_RELEASE_AGAIN_S)
            self._delete()

    def _delete(self) -> None:
        try:
            self._transport.delete(self._path, params=self._position)
        except RejectedError as error:
            if error.status != 409:  # not ours any more: nothing to release
                raise


@contextmanager
def locked(transport: Transport, state_index: Body, *, name: str = CLUSTER, doing: str = _CHANGING) -> Iterator[Lock]:
    """Hold a lock; the index that keeps it is made where it is absent.

    Args:
        transport: the cluster.
        state_index: the body of the index.
        name: the lock's, if it is not the cluster's: of two names, two may be held.
        doing: what its holder does, as the predicate of a sentence.

    Raises:
        LockHeldError: somebody else holds it; the reason says who, where and since when.
    """
    if transport.get(f"/{INDEX}", params={"filter_path": "*.settings.index.uuid"}) is None:
        try:
            transport.put(f"/{INDEX}", state_index)
        except RejectedError as error:
            if "resource_already_exists" not in error.reason and "already exists" not in error.reason:
                raise
    lock = Lock(transport, owner(), name=name, doing=doing)
    lock._take()
    heartbeat = Thread(target=lock._beat, daemon=True)
    heartbeat.start()
    try:
        yield lock
    except BaseException:
        with suppress(ToolkitError):  # what went wrong first is what has to be told
            lock._end(heartbeat)
        raise
    lock._end(heartbeat)


def holder(transport: Transport, name: str = CLUSTER) -> Holder | None:
    """Who has a lock, or had it when they died; None: it is free. Reads only.

    Raises:
        ToolkitError: what is there is not a lock as this toolkit writes it.
    """
    held = transport.get(f"/{INDEX}/_doc/{name}")
    if held is None:
        return None
    lock = held["_source"]
    try:
        return Holder(name, lock["owner"], lock["host"], lock["process"], lock.get("doing", _CHANGING), lock["taken"],
                      lock["heartbeat"], lock["expires"], gone=_died_here(lock), expired=not _in_force(lock),
                      position=position(held))  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ToolkitError(
            f"the lock {INDEX}/_doc/{name} on {transport.url} cannot be read: {error!r}",
            hint="a newer ocs-elastic may have written it: use that one",
        ) from error


def take_away(transport: Transport, *held: Holder) -> None:
    """Remove locks from holders that died elsewhere, once they were watched for a heartbeat; a free one stays free.

    Raises:
        LockHeldError: one has had a heartbeat since it was looked at, so its holder is alive; or somebody else has it.
    """
    if not all(each.gone for each in held):
        time.sleep(_WATCH_S)
    for each in held:
        try:
            transport.delete(f"/{INDEX}/_doc/{each.name}", params=each.position)
        except RejectedError as error:
            if error.status != 409:
                raise
            if (now := holder(transport, each.name)) is None:
                continue  # released meanwhile
            same = (now.host, now.process, now.taken) == (each.host, each.process, each.taken)
            said = "is alive: it has written its heartbeat since" if same else "has taken the lock since"
            raise LockHeldError(f"{now} {said}", hint="wait until it is done, or end it there") from error


def held_by(lock: Body) -> LockHeldError:
    """The error that says who holds a lock."""
    return LockHeldError(
        f"{lock['owner']} on {lock['host']} (process {lock['process']}) {lock.get('doing', _CHANGING)} "
        f"since {lock['taken']}",
        hint=f"wait until it is done; if it died, its lock expires at {lock['expires']}, and a minute later "
        "the next run takes it over (sooner: ocs-elastic migrate unlock)",
    )


def _in_force(lock: Body) -> bool:
    """Whether its time says that it is held: that has not come yet, and is not of a clock far ahead of ours."""
    left_s = (datetime.fromisoformat(lock["expires"]) - datetime.now(UTC)).total_seconds()
    return -_SKEW_S < left_s <= EXPIRES_AFTER_S + _SKEW_S


def position(answer: Body) -> dict[str, str]:
    """The parameters that let a write through only if the document is still the one of this answer."""
    return {"if_seq_no": str(answer["_seq_no"]), "if_primary_term": str(answer["_primary_term"])}


def owner() -> str:
    """Who runs this process, by the name of the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _machine() -> str | None:
    """Identifies this boot of this machine and its numbering of processes; None where that cannot be told."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _died_here(lock: Body) -> bool:
    """Whether its holder was a process of this machine that is gone, so that nobody needs to wait for the expiry."""
    if lock.get("machine") is None or lock["machine"] != _machine():
        return False
    try:
        os.kill(lock["process"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
