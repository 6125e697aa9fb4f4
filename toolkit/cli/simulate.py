"""`ocs-elastic simulate`: campaign groups that live, posted as OCS would."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import Config, Namespace
from toolkit.errors import ToolkitError, UsageError
from toolkit.ocs.choices import CallingListShape, PeriodicAction
from toolkit.signals import set_when_asked_to_end

if TYPE_CHECKING:
    from toolkit.ocs.feed import Feed
    from toolkit.ocs.post import Target
    from toolkit.ocs.truth import Truth
    from toolkit.uses.simulation import Simulation


def simulate(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Post to this URI, as OCS would: http://host:9200/ocs-campaign-groups-default/_doc"),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Write to this file instead, one message a line; - is standard output.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Post to this cluster's stream; local is the embedded engine.")
    ] = None,
    namespace: Namespace = None,
    config: Config = None,
    count: Annotated[int, typer.Option(min=1, help="Messages in all.")] = 1000,
    groups: Annotated[int, typer.Option(min=1, help="Campaign groups.")] = 20,
    interval: Annotated[
        int, typer.Option(min=1, help="Seconds between a group's periodic messages: campaigngroup-states-interval.")
    ] = 10,
    pace: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Seconds that a unit of a campaign group's life takes: dialing lasts 10 to 70. Default: the interval, "
            "so that a short simulation shows whole lives; 120 is a call centre's day.",
        ),
    ] = None,
    odd: Annotated[
        int, typer.Option(min=0, max=100, help="Per cent of odd messages, drawn evenly from all classes.")
    ] = 0,
    periodic_action: Annotated[
        PeriodicAction,
        typer.Option(
            help="What a periodic message holds for action and actor, which the vendor does not document: "
            "the last request and who made it again, or 'unknown-message' and 'unknown'."
        ),
    ] = PeriodicAction.LAST,
    calling_lists: Annotated[
        CallingListShape,
        typer.Option(help="How the calling lists are laid out, which the vendor does not document either."),
    ] = CallingListShape.ARRAY,
    seed: Annotated[int, typer.Option(help="The same seed, start and options give the same messages.")] = 1,
    start: Annotated[
        str | None,
        typer.Option(
            help="Time of the first message, ISO 8601, UTC unless it says otherwise. "
            "Default: so that the last message is now."
        ),
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Start now and send each message at its own time.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(help="At most so many messages a second. Default: as fast as they are taken.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Connections.")] = 8,
    truth: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write what really happened to each group to this file (JSON).")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Certificates to trust for https.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Ask first whether the data stream is there.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tally for programs.")] = False,
) -> None:
    """Simulate OCS: campaign groups are loaded, started, dial, are stopped and unloaded, and report it.

    Like OCS it never retries: a message that is refused, or that nobody takes, is lost and counted.
    The exit code is 0 only if none was.
    """
    from toolkit.ocs.feed import Feed  # noqa: PLC0415
    from toolkit.output.console import TerminalProgress  # noqa: PLC0415
    from toolkit.uses.simulation import Simulation  # noqa: PLC0415

    _check_places(place=url or profile, output=output, truth=truth, as_json=as_json)
    _check_pace(real_time=real_time, start=start, rate=rate)
    target = None if output is not None else _target(url, profile, namespace, config, ca_file)
    feed = Feed(
        count=count,
        groups=groups,
        interval_s=interval,
        pace_s=pace,
        odd_percent=odd,
        seed=seed,
        periodic_action=periodic_action,
        calling_lists=calling_lists,
    )
    run = Simulation(
        feed,
        _start_ms(feed, start, real_time=real_time),
        real_time=real_time,
        rate=rate,
        with_truth=truth is not None,
        progress=TerminalProgress(),
    )
    with set_when_asked_to_end(run.stop):
        if target is not None:
            run.post(target, concurrency=concurrency, check_first=check)
        else:
            with _opened(str(output)) as stream:
                run.write(stream, "standard output" if output == "-" else str(output))
    if truth is not None:
        _write_truth(run.truth, truth)
    _report(run, as_json=as_json, to_stderr=output == "-")
    if run.tally.all.refused or run.stop.is_set():
        raise typer.Exit(1)


def _target(
    url: str | None, profile: str | None, namespace: str | None, config: Path | None, ca_file: Path | None
) -> Target:
    """Where to post. Never from the environment alone: a simulation must not meet production by accident.

    Raises:
        UsageError: nothing says where, or two things do.
    """
    from toolkit.ocs.post import parse_target  # noqa: PLC0415
    from toolkit.uses.simulation import target_of  # noqa: PLC0415

    if url is not None:
        if profile is not None or namespace is not None:
            raise UsageError("--url says it all, so --profile and --namespace cannot be given with it")
        target = parse_target(url, ca_file=ca_file)
        if target.headers:
            raise UsageError(
                f"--url {target} must not hold user and password: process lists and the shell's history show them",
                hint="name the cluster in a profile, with username and password_file, and give --profile instead",
            )
        return target
    if profile is None:
        raise UsageError(
            "nowhere to send the messages",
            hint="give --profile local for the embedded engine, --url for the URI that OCS posts to, or --output FILE",
        )
    connection, settings = connection_and_settings(profile, namespace, config)
    return target_of(connection, settings.namespace)


def _check_places(*, place: str | None, output: str | None, truth: Path | None, as_json: bool) -> None:
    if output is not None and place is not None:
        raise UsageError("--output and --url or --profile exclude each other", hint="choose one place for the messages")
    if output == "-" and as_json:
        raise UsageError("--output - and --json both want standard output", hint="write the messages to a file")
    if truth is not None and not truth.absolute().parent.is_dir():
        raise UsageError(f"--truth {truth}: there is no folder {truth.parent}")  # now, not after all was posted


def _check_pace(*, real_time: bool, start: str | None, rate: float | None) -> None:
    if rate is not None and not rate > 0:
        raise UsageError(f"--rate must be above 0, not {rate:g}")
    if real_time and start is not None:
        raise UsageError("--real-time starts now, so --start cannot be given with it")
    if real_time and rate is not None:
        raise UsageError("--real-time sends each message at its own time, so --rate cannot be given with it")


def _start_ms(feed: Feed, start: str | None, *, real_time: bool) -> int:
    """The simulation's start; never such that a message would lie in the future.

    Raises:
        UsageError: `--start` is no time, lies before 1970, or too late for all messages.
    """
    now_ms = time.time_ns() // 1_000_000
    if real_time:
        return now_ms
    latest_ms = now_ms - feed.span_ms()
    if start is None:
        return latest_ms
    start_ms = _parse_time(start)
    if start_ms > latest_ms:
        from toolkit.ocs.message import iso  # noqa: PLC0415

        raise UsageError(
            f"--start {start}: the last messages would lie in the future",
            hint=f"start at {iso(latest_ms)} or before, or lower --count",
        )
    return start_ms


def _parse_time(text: str) -> int:
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start {text}: no ISO 8601 time", hint="it looks like 2026-11-23T08:00:00Z") from None
    time_ = time_ if time_.tzinfo else time_.replace(tzinfo=UTC)
    since = time_ - datetime(1970, 1, 1, tzinfo=UTC)
    if since.days < 0:
        raise UsageError(f"--start {text}: before 1970")
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


@contextlib.contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """The file, or standard output; a reader that goes away, such as `head`, is no error worth words."""
    try:
        if output == "-":
            yield typer.get_binary_stream("stdout")
        else:
            with Path(output).open("wb") as stream:
                yield stream
    except BrokenPipeError:
        raise typer.Exit(1) from None
    except OSError as error:
        raise ToolkitError(f"--output {output} cannot be written: {error.strerror}") from error


def _write_truth(truth: Truth, path: Path) -> None:
    try:
        path.write_text(json.dumps(truth.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ToolkitError(f"--truth {path} cannot be written: {error.strerror}") from error


def _report(run: Simulation, *, as_json: bool, to_stderr: bool) -> None:
    from toolkit.output.console import TerminalProgress, result, result_json  # noqa: PLC0415

    if run.stop.is_set():
        TerminalProgress().say("interrupted")
    if as_json:
        result_json(_as_json(run))
        return
    say: Callable[[str], None] = TerminalProgress().say if to_stderr else result
    for line in _summary(run):
        say(line)


def _as_json(run: Simulation) -> dict[str, Any]:
    tally = run.tally.to_json()
    odd, reasons = tally.pop("odd"), tally.pop("reasons")
    seconds = round(run.seconds, 3)
    return {**tally, "groups": run.feed.groups, "seconds": seconds, "reasons": reasons, "odd": odd}


def _summary(run: Simulation) -> Iterator[str]:
    counts = run.tally.all
    done = counts.posted or counts.written
    speed = f"in {run.seconds:.1f} s ({done / max(run.seconds, 0.001):,.0f} a second)"
    if counts.posted or not counts.written:
        yield f"posted {counts.posted:,}, accepted {counts.accepted:,}, refused {counts.refused:,} {speed}"
    else:
        yield f"written {counts.written:,} {speed}"
    for reason, count in run.tally.reasons.most_common():
        detail = run.tally.details[reason]
        yield f"  {count:,} x {reason}" + (f", first: {detail}" if detail else "")
    odd = run.tally.odd
    if odd:
        refused = {name: each.refused for name, each in odd.items() if each.refused}
        total = sum(each.posted + each.written for each in odd.values())
        yield f"odd messages: {total:,} of {len(odd)} classes" + (f", refused in {len(refused)}:" if refused else "")
        for name, number in refused.items():
            yield f"  {name}: {number:,} of {odd[name].posted:,}"
