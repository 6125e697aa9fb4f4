"""`ocs-elastic demo`: campaigns, from simulated OCS to stored documents, on a machine that has nothing but Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from toolkit.local.engine import Engine
    from toolkit.model import Progress
    from toolkit.uses.demo import Demo

_REPORT = "ocs-elastic-demo.html"


def demo(
    *,
    count: Annotated[int, typer.Option(min=1, help="Messages in all.")] = 3000,
    groups: Annotated[int, typer.Option(min=1, help="Campaign groups.")] = 20,
    odd: Annotated[int, typer.Option(min=0, max=100, help="Per cent of odd messages.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same campaigns.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the engine up, to look at what is in it.")] = False,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A copy of the engine's archive, for machines without internet."),
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Fetch the engine from a mirror of Maven Central instead.")
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=f"Write the report, a page to look at, to this file.  [default: {_REPORT}]"),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show it all at work: an engine, the toolkit's resources, a simulated OCS, each campaign group's state, a report.

    Starts the embedded engine (see `ocs-elastic local`) and stops it again, unless it was up before or --keep is
    given. What an earlier demo left in the namespace `demo` of that engine is thrown away first. The exit code is 0
    only if every message was taken and is there.
    """
    from toolkit.config import Connection  # noqa: PLC0415 - start-up time of every other command
    from toolkit.ocs.feed import Feed  # noqa: PLC0415
    from toolkit.output.console import TerminalProgress, result, result_json  # noqa: PLC0415
    from toolkit.uses.demo import demo as run  # noqa: PLC0415

    place = _place(report, wanted=not no_report)
    feed = Feed(count=count, groups=groups, interval_s=10, odd_percent=odd, seed=seed)
    progress = TerminalProgress()
    with _engine(progress, keep=keep, archive=archive, mirror=mirror) as engine:
        found = run(Connection(engine.url, "the embedded engine", embedded=True), feed, progress=progress)
    written, failure = _write_report(found, place)
    if as_json:
        result_json({**found.as_json(), "report": written})
    else:
        result(_summary(found))
        if written:
            result(f"\nLook at it: {written}")
        if keep:
            result(_how_to_look(found))
    if failure:
        raise failure
    if found.refused:
        raise typer.Exit(1)


def _place(report: str | None, *, wanted: bool) -> str | None:
    """Where the report goes; None where there is to be none, or nothing that could draw it.

    Raises:
        UsageError: what was asked for contradicts itself, or the place cannot be.
        ToolkitError: a report was asked for by name, and nothing can draw it.
    """
    from toolkit.output.console import warn  # noqa: PLC0415 - start-up time
    from toolkit.report.file import STANDARD_OUTPUT, check_place  # noqa: PLC0415
    from toolkit.report.page import require_renderer  # noqa: PLC0415

    if not wanted:
        if report is not None:
            raise UsageError("--report and --no-report exclude each other")
        return None
    if report == STANDARD_OUTPUT:
        raise UsageError("--report needs a file: the demo's own result goes to standard output")
    try:
        require_renderer()
    except ToolkitError as error:
        if report is not None:
            raise
        warn(f"{error.reason}; the demo goes on without")
        return None
    check_place(report or _REPORT)
    return report or _REPORT


def _write_report(found: Demo, place: str | None) -> tuple[str | None, ToolkitError | None]:
    """Where the report was written, or why it could not be: the result is to be seen first."""
    from toolkit.report.file import write  # noqa: PLC0415 - start-up time
    from toolkit.report.page import page  # noqa: PLC0415

    if place is None:
        return None, None
    try:
        return str(write(page(found.report, datetime.now(UTC)), place)), None
    except ToolkitError as error:
        return None, error


@contextmanager
def _engine(progress: Progress, *, keep: bool, archive: Path | None, mirror: str | None) -> Iterator[Engine]:
    """The engine that is up already, one that stays if all goes well, or one of the demo's own."""
    from toolkit.local.engine import owned, running, start  # noqa: PLC0415
    from toolkit.signals import terminable  # noqa: PLC0415

    if up := running():
        progress.say(f"The embedded engine is up already: {up.url}")
        yield up
    elif keep:
        with terminable():
            engine = start(progress=progress, archive=archive, mirror=mirror)
            try:
                yield engine
            except BaseException:
                engine.stop()
                raise
    else:
        with owned(progress=progress, archive=archive, mirror=mirror) as engine:
            yield engine


def _summary(found: Demo) -> str:
    from toolkit.output.tables import group_states  # noqa: PLC0415

    return (
        f"{group_states(found.states)}\n\n"
        f"posted {found.posted:,}, stored {found.stored:,}, dead letters {found.dead_lettered:,}, "
        f"refused {found.refused:,} on {found.engine}"
    )


def _how_to_look(found: Demo) -> str:
    from toolkit.uses.demo import NAMESPACE  # noqa: PLC0415

    return (
        f"\nThe engine stays up: {found.url}\n"
        f"  one document     curl '{found.url}/ocs-campaign-groups-{NAMESPACE}/_search?size=1&pretty'\n"
        f"  more messages    ocs-elastic simulate --profile local --namespace {NAMESPACE}\n"
        "  stop it          ocs-elastic local down"
    )
