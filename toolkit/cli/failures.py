"""`ocs-elastic failures`: the messages that could not be understood, and their second chance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings, deployment_of
from toolkit.cli.commands import Commands
from toolkit.cli.consent import consent
from toolkit.cli.options import AsJson, Config, Namespace, Profile, Yes
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.questions.dead_letters import Selection

app = Commands(
    name="failures",
    help="Messages that could not be understood: dead letters and, where the server has one, the failure store.",
    no_args_is_help=True,
)

_Reason = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Only those whose reason begins so, or whose type is this: as list shows them."),
]
_Last = Annotated[
    str | None,
    typer.Option(metavar="LENGTH", help="Only those that came in this time: a number and m, h, d or w."),
]
_From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Only those that came since: ISO 8601, UTC by default.")
]
_To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Only those that came before: ISO 8601, UTC by default.")
]


@app.command("list")
def list_(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    reason: _Reason = None,
    last: _Last = None,
    start: _From = None,
    end: _To = None,
    as_json: AsJson = False,
) -> None:
    """Show why messages could not be understood, and how many of each sort wait, failed again or were replayed.

    Nothing is written.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, failures  # noqa: PLC0415
    from toolkit.uses.failures import listed  # noqa: PLC0415

    selection = _selection((), reason, last, start, end)
    connection, settings = connection_and_settings(profile, namespace, config)
    found = listed(connect(connection, read_only=True), settings, selection)
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(failures.listing(found))


@app.command()
def show(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, as list shows one of each sort.")],
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a message whole, why it failed, and what was done about it. Nothing is written."""
    from toolkit.client.connect import connect  # noqa: PLC0415
    from toolkit.output import console, failures  # noqa: PLC0415
    from toolkit.uses.failures import shown  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    found = shown(connect(connection, read_only=True), settings, ids)
    if as_json:
        console.result_json([each.as_json() for each in found])
    else:
        console.result("\n\n".join(map(failures.failure, found)))


@app.command()
def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these.  [default: all that wait]")
    ] = None,
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    reason: _Reason = None,
    last: _Last = None,
    start: _From = None,
    end: _To = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only simulate, on the cluster, and write nothing; dead letters neither.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give messages that could not be understood another chance, after the reason was put right.

    Each goes through the pipeline as it is now, and bears the time at which it first came. However often this is run,
    and whatever interrupts it, no message is written twice. One that fails again keeps its dead letter, which then says
    so. The exit code is 0 if all were replayed, and 3 if some failed again, or would.
    """
    from toolkit.output import console, failures  # noqa: PLC0415
    from toolkit.signals import terminable  # noqa: PLC0415
    from toolkit.uses import replay as use  # noqa: PLC0415

    selection = _selection(tuple(ids or ()), reason, last, start, end)
    target = deployment_of(profile, namespace, config, read_only=dry_run, no_dashboards=True)
    progress = console.TerminalProgress()
    if dry_run:
        done = use.simulated(target, selection, progress=progress)
    else:
        if (total := use.waiting(target, selection)) and not yes:
            what = console.counted(total, "message")
            consent(
                f"Replay {what} of namespace {target.settings.namespace}?",
                yes=yes,
                hint="give --yes, after a look at --dry-run",
            )
        with terminable():
            done = use.replay(target, selection, progress=progress)
    if as_json:
        console.result_json({**done.as_json(), "dry_run": dry_run})
    else:
        console.result(failures.replayed(done, dry_run=dry_run))
    if done.failed:
        raise typer.Exit(3)


def _selection(
    ids: tuple[str, ...], reason: str | None, last: str | None, start: str | None, end: str | None
) -> Selection:
    """Which messages are meant.

    Raises:
        UsageError: a time or a length cannot be read, or a text is empty.
    """
    from toolkit.questions.dead_letters import Selection  # noqa: PLC0415
    from toolkit.uses.window import FIRST, timezone, window  # noqa: PLC0415

    reason = reason and reason.removesuffix("…")  # as list ends those that it cuts short
    if reason == "" or "" in ids:
        raise UsageError("an empty text names nothing", hint="leave it out to mean all")
    if last is None and start is None and end is None:
        return Selection(ids, reason)
    start = FIRST.isoformat() if start is None and last is None else start
    asked = window(zone=timezone("UTC"), now=datetime.now(UTC), start=start, end=end, last=last, longest=None)
    return Selection(ids, reason, asked.from_ms, None if asked.open else asked.before_ms)
