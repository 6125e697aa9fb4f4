"""Messages that could not be understood, as text."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from toolkit.output.console import counted
from toolkit.output.tables import moment, readable, table
from toolkit.questions.failure_store import Failure

if TYPE_CHECKING:
    from toolkit.questions.dead_letters import DeadLetter, Reason
    from toolkit.uses.failures import Listing
    from toolkit.uses.replay import Replay

_REASON_MAX = 160


def listing(found: Listing) -> str:
    """The reasons, and what can be done next."""
    columns = ("Reason", "Type", "Waiting", "Failed again", "Replayed", "First", "Last", "One of them")
    parts = []
    if found.letters:
        parts.append(table(f"Dead letters of {found.dead_letters}", columns, _rows(found.letters)))
    if found.failures:
        parts.append(table("In the failure store", columns, _rows(found.failures)))
    if not parts:
        return f"Nothing failed: {found.dead_letters} is empty" + (
            "." if found.failures is None else ", and so is the failure store."
        )
    if found.waiting:
        parts.append(
            f"{counted(found.waiting, 'message')} can be replayed. `ocs-elastic failures show ID` shows one whole; "
            "`ocs-elastic failures replay --dry-run` says what would come of them now."
        )
    else:
        parts.append("All were replayed.")
    return "\n\n".join(parts)


def _rows(reasons: Iterable[Reason]) -> Iterable[Sequence[str]]:
    for reason in reasons:
        yield (
            _short(reason.message or "(various or very long)"),
            reason.type or "-",
            f"{reason.pending:,}",
            f"{reason.failed:,}",
            f"{reason.replayed:,}",
            moment(reason.first),
            moment(reason.last),
            reason.example or "-",
        )


def failure(found: DeadLetter | Failure) -> str:
    """One message whole; the text as it came, if it is readable."""
    if isinstance(found, Failure):
        lines = [
            f"failure   {found.index}/{found.id}",
            f"came      {found.time}, for {found.stream}",
            f"reason    {found.type}: {readable(str(found.message))}",
            f"pipeline  {found.pipeline or '- (the mapping refused it)'}",
        ]
        return "\n".join([*lines, "message", _indented(json.dumps(found.source))])
    error, replay = found.error, found.replay
    lines = [
        f"dead letter  {found.index}/{found.id}",
        f"came         {found.ingested}",
        f"reason       {readable(str(error.get('type')))}: {readable(str(error.get('message')))}",
        f"replay       {replay.get('state', 'pending')}",
    ]
    if replay.get("time"):
        lines[-1] += f", tried {counted(found.attempts, 'time')}, last {replay['time']}"
    if replay.get("reason"):
        lines.append(f"             {readable(str(replay['reason']))}")
    if replay.get("id"):
        lines.append(f"             now {replay.get('index')}/{replay['id']}")
    return "\n".join([*lines, "message", _indented(found.original)])


def replayed(done: Replay, *, dry_run: bool) -> str:
    """What came of it, or would."""
    left_out = (
        f"Left out, of the ids given: {done.left_out:,}. Such a message was replayed already, is of `ocs-elastic "
        "verify`, or not of the reason or time asked for; `ocs-elastic failures show ID` tells."
    )
    if not done.total:
        return "\n".join(["Nothing waits to be replayed.", *([left_out] if done.left_out else [])])
    verbs = ("would be replayed", "would fail again") if dry_run else ("replayed", "failed again")
    lines = [f"{counted(done.replayed, 'message')} {verbs[0]}, {done.failed.total():,} {verbs[1]}."]
    lines += [f"  {number:>7,}  {_short(reason)}" for reason, number in done.failed.most_common(20)]
    if len(done.failed) > 20:
        lines.append(f"           and {len(done.failed) - 20:,} more reasons: --json has them")
    if done.unknown and dry_run:
        lines.append(f"{counted(done.unknown, 'message')} cannot be simulated here; only the replay will tell.")
    if done.left_out:
        lines.append(left_out)
    if done.failed and not dry_run:
        lines.append("They keep their dead letters: put the reason right, or leave them to their retention.")
    return "\n".join(lines)


def _indented(text: str) -> str:
    with contextlib.suppress(ValueError, RecursionError):  # then it is shown as it is
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2, allow_nan=False)
    return "\n".join(f"  {readable(line)}" for line in text.splitlines())


def _short(text: str) -> str:
    text = readable(text)
    return text if len(text) <= _REASON_MAX else f"{text[: _REASON_MAX - 1]}…"
