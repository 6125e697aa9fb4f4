"""Long work that a server does by itself: started, watched, and found again by the next run after an interruption.

Which task is under way is written into the toolkit's own index before the server is asked to begin, so that whoever
comes next attaches to it and does not start a second. A task ends with the node that ran it; what it has done stays
done, and the caller asks again for what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from toolkit.client.refusal import reason
from toolkit.client.transport import Transport
from toolkit.errors import LockHeldError, RejectedError, UnreachableError
from toolkit.model import SILENT, STATE_INDEX, Body, Progress

T = TypeVar("T")

PATIENCE_S = 180
"""How long a server may be away, for a restart perhaps, before a run that watches a task gives up."""

_UPDATE_BY_QUERY = "indices:data/write/update/byquery"
_REINDEX = "indices:data/write/reindex"
_BATCH_MAX = 1000
_POLL_S = (0.2, 2.0)
"""Seconds between two looks at a task: at first, and at most."""
_PASSING = (429, 502, 503, 504)
"""What a server, or a proxy before it, answers while it starts or has too much to do."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a server is asked to do, and how it calls that in its list of tasks."""

    action: str
    description: str
    path: str
    params: dict[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a server's: node and number, and what is known of it, since numbers begin anew when a node starts."""

    id: str
    action: str
    description: str

    @property
    def gone(self) -> str:
        """What to say once the server does not know it any more."""
        return f"task {self} is gone, with the node that it ran on; what is left is begun anew"

    def __str__(self) -> str:
        return f"{self.id} ({self.description})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended."""

    done: int
    """Documents that it wrote or deleted."""
    failures: tuple[str, ...] = ()
    """Why it ended before its time, in the server's words."""
    canceled: str | None = None
    """By what, in the server's words; None: it was not."""

    @property
    def failure(self) -> str:
        """The first failure, and how many there are besides; empty: none."""
        more = f", and {len(self.failures) - 1} more" if len(self.failures) > 1 else ""
        return f"{self.failures[0]}{more}" if self.failures else ""


def update_by_query(index: str, query: Body, *, pipeline: str, rate: int | None) -> Work:
    """Send the documents that a query finds through a pipeline, in place.

    Args:
        index: a single one.
        query: what to select; documents that change meanwhile are left out, for another time.
        pipeline: its name.
        rate: documents a second; None: as many as the server can.
    """
    params = {
        "conflicts": "proceed",
        "pipeline": pipeline,
        # A batch a second, so that the pause between two is short, and what is done can be seen to grow.
        "scroll_size": str(min(rate or _BATCH_MAX, _BATCH_MAX)),
        "requests_per_second": str(rate or -1),
        "wait_for_completion": "false",
    }
    description = f"update-by-query [{index}]"
    return Work(_UPDATE_BY_QUERY, description, f"/{index}/_update_by_query", params, {"query": query})


def reindex(source: str, destination: str, *, pipeline: str, rate: int | None) -> Work:
    """Copy the documents of one index into another, under their own ids; those that are there already stay.

    Args:
        source: a single index.
        destination: a single index.
        pipeline: its name; `_none` copies documents as they are.
        rate: documents a second; None: as many as the server can.
    """
    params = {"requests_per_second": str(rate or -1), "wait_for_completion": "false"}
    body = {
        "conflicts": "proceed",
        "source": {"index": source, "size": min(rate or _BATCH_MAX, _BATCH_MAX)},
        "dest": {"index": destination, "op_type": "create", "pipeline": pipeline},
    }
    return Work(_REINDEX, f"reindex from [{source}] to [{destination}]", "/_reindex", params, body)


def start(transport: Transport, name: str, work: Work) -> Task:
    """Have work begun, or find the task that is doing it: one at a time under each name.

    The index that keeps the name must be there; `locked` makes it.
    """
    if under_way := unfinished(transport, name):
        return under_way
    _write(transport, name, work, None)
    answer = transport.post(work.path, work.body, params=work.params)
    _write(transport, name, work, answer["task"])
    return Task(answer["task"], work.action, work.description)


def unfinished(transport: Transport, name: str) -> Task | None:
    """The task that was started under a name, not seen to end, and still known to the server. Reads only."""
    found = transport.get(_path(name))
    if found is None:
        return None
    record = found["_source"]
    id_ = record["id"] or _listed(transport, record)
    if id_ is None:
        return None
    task = Task(id_, record["action"], record["description"])
    return None if _ask(transport, task) is None else task


def watch(
    transport: Transport, task: Task, tell: Callable[[int], None], *, progress: Progress = SILENT
) -> Outcome | None:
    """Wait until a task ends; None: the server does not know it any more.

    Args:
        transport: the cluster.
        task: what to wait for.
        tell: is called with the number of documents done since the last call.
        progress: is told of a server that is away.

    Raises:
        UnreachableError, RejectedError: the server has been away for too long, or refuses.
    """
    told, pause_s = 0, _POLL_S[0]
    while True:
        found = patiently(lambda: _ask(transport, task), progress)
        if found is None:
            return None
        done = _done(found)
        tell(done - told)
        told = done
        if found["completed"]:
            return _outcome(found, done)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _POLL_S[1])


def attend(
    transport: Transport, task: Task, tell: Callable[[int], None], *, command: str, progress: Progress = SILENT
) -> Outcome | None:
    """Watch a task, and tell whoever does not want to wait any longer, or may not, what becomes of it; see `watch`.

    Args:
        transport: the cluster.
        task: what to wait for.
        tell: as for `watch`.
        command: the command that sees the task through.
        progress: is told.
    """
    try:
        return watch(transport, task, tell, progress=progress)
    except (KeyboardInterrupt, SystemExit, LockHeldError):
        progress.say(
            f"task {task} goes on without this command. To see it through: {command}. To stop it: "
            f"POST /_tasks/{task.id}/_cancel, with the cluster privilege cancel_task"
        )
        raise


def forget(transport: Transport, name: str) -> None:
    """Note that what was started under a name has ended."""
    transport.delete(_path(name))


def patiently(ask: Callable[[], T], progress: Progress = SILENT, *, within_s: float = PATIENCE_S) -> T:
    """Ask again while a server is away; what is asked must be safe to ask more than once.

    Raises:
        UnreachableError, RejectedError: it has been away for longer than that, or refuses.
    """
    deadline, told = time.monotonic() + within_s, False
    while True:
        try:
            return ask()
        except (UnreachableError, RejectedError) as error:
            passing = isinstance(error, UnreachableError) or error.status in _PASSING
            if not passing or time.monotonic() > deadline:
                raise
            if not told:
                progress.say(f"waiting up to {within_s:.0f} s for the server: {error.reason}")
                told = True
            time.sleep(_POLL_S[1])


def _write(transport: Transport, name: str, work: Work, id_: str | None) -> None:
    record = {
        "type": "task",
        "name": name,
        "action": work.action,
        "description": work.description,
        "id": id_,
        "written": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    transport.put(_path(name), record)


def _listed(transport: Transport, record: Body) -> str | None:
    """The id of a task that was begun by a run that died before it heard of the id."""
    answer = transport.get("/_tasks", params={"actions": record["action"], "detailed": "true"}) or {}
    for node in answer.get("nodes", {}).values():
        for id_, task in node["tasks"].items():
            if task.get("description") == record["description"]:
                return str(id_)
    return None


def _ask(transport: Transport, task: Task) -> Any:
    """What a server says of a task; None where it knows none of that id, or another one."""
    found = transport.get(f"/_tasks/{task.id}")
    if found is None:
        return None
    about = found["task"]
    return found if (about["action"], about.get("description")) == (task.action, task.description) else None


def _done(found: Body) -> int:
    status = found["task"].get("status") or {}
    return sum(int(status.get(key, 0)) for key in ("updated", "created", "deleted"))


def _outcome(found: Body, done: int) -> Outcome:
    response = found.get("response") or {}
    failures = [_failure(failure) for failure in response.get("failures", [])]
    if "error" in found:
        failures.append(reason(found))
    return Outcome(done, tuple(failures), response.get("canceled"))


def _failure(failure: Body) -> str:
    """Of a document (`cause`) or of a search (`reason`)."""
    where = "/".join(str(failure[key]) for key in ("index", "id") if failure.get(key))
    return f"{where}: {reason({'error': failure.get('cause') or failure.get('reason')})}"


def _path(name: str) -> str:
    return f"/{STATE_INDEX}/_doc/task-{name}"
