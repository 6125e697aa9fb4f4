"""`ocs-elastic simulate`: campaign groups that live, posted as OCS would."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from toolkit.errors import ToolkitError, UsageError
from toolkit.ocs.choices import CallingListShape, PeriodicAction

if TYPE_CHECKING:
    from types import FrameType

    from toolkit.model import Bar
    from toolkit.ocs.feed import Feed
    from toolkit.ocs.message import Message
    from toolkit.ocs.post import Target
    from toolkit.ocs.tally import Answer, Tally
    from toolkit.ocs.truth import Truth

_REDRAW_S = 0.1


def simulate(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Post to this URI, as OCS would: http://host:9200/ocs-campaign-groups-default/_doc"),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Write to this file instead, one message a line; - is standard output.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Messages in all.")] = 1000,
    groups: Annotated[int, typer.Option(min=1, help="Campaign groups.")] = 20,
    interval: Annotated[
        int, typer.Option(min=1, help="Seconds between a group's periodic messages: campaigngroup-states-interval.")
    ] = 10,
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

    _check_places(url=url, output=output, truth=truth, as_json=as_json)
    _check_pace(real_time=real_time, start=start, rate=rate)
    target = None if output is not None else resolve_target(url, ca_file)
    feed = Feed(
        count=count,
        groups=groups,
        interval_s=interval,
        odd_percent=odd,
        seed=seed,
        periodic_action=periodic_action,
        calling_lists=calling_lists,
    )
    run = _Run(feed, _start_ms(feed, start, real_time=real_time), real_time=real_time, rate=rate)
    with _stop_on_signals(run.stop):
        if target is not None:
            run.post(target, concurrency, check_first=check)
        else:
            run.write(str(output))
    if truth is not None:
        _write_truth(run.truth, truth)
    _report(run, as_json=as_json, to_stderr=output == "-")
    if run.tally.all.refused or run.stop.is_set():
        raise typer.Exit(1)


def resolve_target(url: str | None, ca_file: Path | None) -> Target:
    """Where to post.

    Raises:
        UsageError: nothing says so.
    """
    from toolkit.ocs.post import parse_target  # noqa: PLC0415

    if url is None:
        raise UsageError(
            "nowhere to send the messages",
            hint="give --url http://host:9200/ocs-campaign-groups-default/_doc, or --output FILE",
        )
    return parse_target(url, ca_file=ca_file)


def _check_places(*, url: str | None, output: str | None, truth: Path | None, as_json: bool) -> None:
    if output is not None and url is not None:
        raise UsageError("--url and --output exclude each other", hint="choose one place for the messages")
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


@dataclass
class _Run:
    """One simulation: what it is fed with, and what it has come to."""

    feed: Feed
    start_ms: int
    real_time: bool
    rate: float | None
    stop: Event = field(default_factory=Event)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        from toolkit.ocs.odd import CLASSES  # noqa: PLC0415
        from toolkit.ocs.tally import Tally  # noqa: PLC0415
        from toolkit.ocs.truth import Truth  # noqa: PLC0415

        self.tally: Tally = Tally(CLASSES if self.feed.odd_count else ())
        self.truth: Truth = Truth()

    def messages(self) -> Iterator[Message]:
        """The feed at its pace."""
        from toolkit.catalogue import read_catalogue  # noqa: PLC0415
        from toolkit.ocs.pace import in_real_time  # noqa: PLC0415

        messages = self.feed.messages(read_catalogue(), self.start_ms)
        return in_real_time(messages, self.stop) if self.real_time else messages

    def post(self, target: Target, concurrency: int, *, check_first: bool) -> None:
        """Post everything."""
        from toolkit.ocs.post import check, post  # noqa: PLC0415

        if check_first:
            check(target)
        with self._bar(f"Posting to {target}") as step:

            def answered(answer: Answer) -> None:
                self.truth.answered(answer)
                step()

            post(
                self.messages(),
                target,
                concurrency=concurrency,
                rate=self.rate,
                on_answer=answered,
                tally=self.tally,
                stop=self.stop,
            )

    def write(self, output: str) -> None:
        """Write everything to a file."""
        from toolkit.ocs.file import write  # noqa: PLC0415
        from toolkit.ocs.pace import at_rate  # noqa: PLC0415

        messages = at_rate(self.messages(), self.rate, self.stop) if self.rate else self.messages()
        with (
            _opened(output) as stream,
            self._bar("Writing to " + ("standard output" if output == "-" else output)) as step,
        ):

            def written(message: Message) -> None:
                self.truth.observe(message)
                step()

            write(messages, stream, on_written=written, tally=self.tally, stop=self.stop)

    @contextlib.contextmanager
    def _bar(self, title: str) -> Iterator[Callable[[], None]]:
        """A progress bar that is redrawn a few times a second, and the stopwatch."""
        from toolkit.output.console import TerminalProgress  # noqa: PLC0415

        with TerminalProgress().bar(title, self.feed.count, "messages") as bar:
            steps, began_s = _Steps(bar), time.monotonic()
            try:
                yield steps.step
            finally:
                steps.draw()
                self.seconds = time.monotonic() - began_s


class _Steps:
    """Collects steps: drawing each would cost more than posting."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._count, self._drawn_s = bar, 0, time.monotonic()

    def step(self) -> None:
        self._count += 1
        if time.monotonic() - self._drawn_s > _REDRAW_S:
            self.draw()

    def draw(self) -> None:
        self._bar.advance(self._count)
        self._count, self._drawn_s = 0, time.monotonic()


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


@contextlib.contextmanager
def _stop_on_signals(stop: Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the simulation in good order, and the second end it at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def asked_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, asked_to_stop)
    try:
        yield
    finally:
        restore()


def _write_truth(truth: Truth, path: Path) -> None:
    try:
        path.write_text(json.dumps(truth.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ToolkitError(f"--truth {path} cannot be written: {error.strerror}") from error


def _report(run: _Run, *, as_json: bool, to_stderr: bool) -> None:
    from toolkit.output.console import TerminalProgress, result, result_json  # noqa: PLC0415

    if run.stop.is_set():
        TerminalProgress().say("interrupted")
    if as_json:
        result_json(_as_json(run))
        return
    say: Callable[[str], None] = TerminalProgress().say if to_stderr else result
    for line in _summary(run):
        say(line)


def _as_json(run: _Run) -> dict[str, Any]:
    tally = run.tally.to_json()
    odd, reasons = tally.pop("odd"), tally.pop("reasons")
    seconds = round(run.seconds, 3)
    return {**tally, "groups": run.feed.groups, "seconds": seconds, "reasons": reasons, "odd": odd}


def _summary(run: _Run) -> Iterator[str]:
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
