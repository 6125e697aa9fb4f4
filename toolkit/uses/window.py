"""The time that a report is about, and the timezone that it is told in; pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from toolkit.errors import UsageError

LONGEST = timedelta(days=366)
"""A report of more than a year is no report."""
_FIRST_YEAR, _LAST_YEAR = 1971, 9000  # such that no arithmetic leaves Python's calendar
FIRST = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
"""Nothing of OCS's came before."""
_LENGTH = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[mhdw])")
_NO_NAME = re.compile(r"(?:localtime|posixrules)$|(?:posix|right)/")
"""What lies beside the timezones on Unix: this machine's own, which a report could not name, and other forms."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Window:
    """From one time until right before another, milliseconds since 1970 UTC, told in one timezone."""

    from_ms: int
    before_ms: int
    zone: ZoneInfo
    open: bool
    """Whether it ended when it was asked for: what is so at its end is so now."""

    def at(self, time_ms: int) -> datetime:
        """A time in the window's timezone."""
        return datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(self.zone)

    @staticmethod
    def ms(time: str) -> int:
        """The milliseconds of a time as the engine writes it: UTC, ISO 8601."""
        return _ms(datetime.fromisoformat(time))

    @staticmethod
    def iso(time_ms: int) -> str:
        """A time as the engine writes it; the inverse of `ms`."""
        time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timezone(name: str) -> ZoneInfo:
    """The timezone of an IANA name.

    Raises:
        UsageError: there is none of that name.
    """
    if _NO_NAME.match(name):
        raise UsageError(
            f"--timezone: '{name}' is no name of a timezone", hint="give an IANA name, such as Europe/Berlin or UTC"
        )
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # "Europe" is a folder, "../x" no name at all
        known = available_timezones()
        if not known:
            raise UsageError(
                "this machine knows no timezones", hint="`pip install tzdata` brings them; --timezone UTC needs none"
            ) from error
        names = {each.lower(): each for each in known}
        close = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f"Did you mean '{names[close[0]]}'?" if close else "give an IANA name, such as Europe/Berlin or UTC"
        raise UsageError(f"--timezone: there is no timezone '{name}'", hint=hint) from error


def window(
    *,
    zone: ZoneInfo,
    now: datetime,
    start: str | None = None,
    end: str | None = None,
    last: str | None = None,
    longest: timedelta | None = LONGEST,
) -> Window:
    """The window that flags ask for; it never ends after now.

    Args:
        zone: the timezone of times that name none.
        now: with a timezone.
        start: `--from`, ISO 8601.
        end: `--to`, ISO 8601; None: now.
        last: `--last`, a number and m, h, d or w; None: 24h, unless `start` is given.
        longest: more than that is an error; None: it may reach back as far as anything does.

    Raises:
        UsageError: a time or length that cannot be read, or that leaves nothing between start and end.
    """
    if start is not None and last is not None:
        raise UsageError("--from and --last exclude each other", hint="--last with --to counts back from that time")
    until = min(_time("--to", end, zone), now) if end is not None else now
    since = (
        _time("--from", start, zone) if start is not None else _back(until, "24h" if last is None else last, longest)
    )
    if since >= until:
        what = "--to" if end is not None and until < now else "now"
        raise UsageError(f"nothing lies between --from {_iso(since)} and {what}, {_iso(until)}")
    if longest is not None and until - since > longest:
        raise UsageError(f"a report covers at most {longest.days} days, not {(until - since).days}")
    from_ms, before_ms = _ms(since), _ms(until)
    return Window(from_ms, max(before_ms, from_ms + 1), zone, open=until == now)


def since(text: str) -> timedelta | datetime:
    """What `--since` says: a length of time, back from a now that only the server knows, or a time.

    Args:
        text: a number and m, h, d or w, or ISO 8601, which is UTC unless it says otherwise.

    Raises:
        UsageError: it is neither.
    """
    if (length := _length(text)) is not None:
        if length > LONGEST:
            raise UsageError(f"--since {text}: it is at most {LONGEST.days} days ago")
        return length
    try:
        return _time("--since", text, ZoneInfo("UTC"))
    except UsageError as error:
        lengths = "a length of time such as 90m, 24h or 7d, or ISO 8601, such as 2026-11-23T06:00"
        raise UsageError(error.reason, hint=f"give {lengths}") from error


def _back(until: datetime, length: str, longest: timedelta | None) -> datetime:
    """A length of elapsed time before a time: 24h are 24 hours on the day of a DST change too."""
    elapsed = _length(length)
    if elapsed is None:
        raise UsageError(
            f"--last: '{length}' is no length of time", hint="give a number and m, h, d or w, such as 90m, 24h or 7d"
        )
    if longest is not None and elapsed > longest:
        raise UsageError(f"--last {length}: a report covers at most {longest.days} days")
    return until.astimezone(UTC) - min(elapsed, until - FIRST)


def _length(text: str) -> timedelta | None:
    found = _LENGTH.fullmatch(text)
    if found is None or not int(found["number"]):
        return None
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


def _time(flag: str, text: str, zone: ZoneInfo) -> datetime:
    """A time as it was typed; one without offset is that of the zone.

    Raises:
        UsageError: no ISO 8601, before 1970, or a time that the zone's clocks skip or show twice.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{flag}: '{text}' is no time",
            hint="give ISO 8601, such as 2026-11-23, 2026-11-23T06:00 or ...T06:00+01:00",
        ) from error
    if time.tzinfo is None:
        time = _local(flag, text, time.replace(tzinfo=zone))
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise UsageError(f"{flag}: {text} is none of OCS's times")
    return time.astimezone(UTC)


def _local(flag: str, text: str, time: datetime) -> datetime:
    offsets = [time.replace(fold=fold).strftime("%z") for fold in (0, 1)]
    if offsets[0] == offsets[1]:
        return time
    skipped = time.astimezone(UTC).astimezone(time.tzinfo).replace(tzinfo=None) != time.replace(tzinfo=None)
    raise UsageError(
        f"{flag}: the clocks of {time.tzinfo} {'skip' if skipped else 'show twice'} {text}",
        hint="they change on that day: say which time is meant by an offset, "
        + " or ".join(f"{offset[:3]}:{offset[3:5]}" for offset in offsets),
    )


def _ms(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
