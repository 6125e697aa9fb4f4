"""Which time a report is about: what was typed, in the timezone that was named, and never a guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from toolkit.errors import UsageError
from toolkit.uses import window as room
from toolkit.uses.window import Window, since, timezone, window

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def shown(found: Window) -> tuple[str, str]:
    return found.at(found.from_ms).isoformat(), found.at(found.before_ms).isoformat()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({}, "2026-11-22T09:00:00+01:00", "2026-11-23T09:00:00+01:00"),
        ({"last": "90m"}, "2026-11-23T07:30:00+01:00", "2026-11-23T09:00:00+01:00"),
        ({"last": "1w"}, "2026-11-16T09:00:00+01:00", "2026-11-23T09:00:00+01:00"),
        ({"start": "2026-11-23"}, "2026-11-23T00:00:00+01:00", "2026-11-23T09:00:00+01:00"),
        (
            {"start": "2026-11-22T06:00", "end": "2026-11-22T14:00"},
            "2026-11-22T06:00:00+01:00",
            "2026-11-22T14:00:00+01:00",
        ),
        ({"start": "2026-11-22T06:00Z", "end": "2026-11-23"}, "2026-11-22T07:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        ({"end": "2026-11-22T14:00", "last": "8h"}, "2026-11-22T06:00:00+01:00", "2026-11-22T14:00:00+01:00"),
        ({"end": "2027-01-01", "last": "1h"}, "2026-11-23T08:00:00+01:00", "2026-11-23T09:00:00+01:00"),
    ],
)
def test_what_is_asked_for_is_what_it_is(asked: dict[str, Any], start: str, end: str) -> None:
    found = window(zone=BERLIN, now=NOW, **asked)
    assert shown(found) == (start, end)
    assert found.open is (end == "2026-11-23T09:00:00+01:00")


def test_24_hours_are_24_hours_on_a_day_of_23() -> None:
    found = window(zone=BERLIN, now=NOW, end="2026-03-30", last="24h")
    assert shown(found) == ("2026-03-28T23:00:00+01:00", "2026-03-30T00:00:00+02:00")
    assert found.before_ms - found.from_ms == 86_400_000


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"last": "24"}, "--last: '24' is no length of time"),
        ({"last": ""}, "--last: '' is no length of time"),
        ({"last": "0h"}, "--last: '0h' is no length of time"),
        ({"last": "-1h"}, "--last: '-1h' is no length of time"),
        ({"last": "999999w"}, "--last 999999w: a report covers at most 366 days"),
        ({"start": "yesterday"}, "--from: 'yesterday' is no time"),
        ({"end": "25:00"}, "--to: '25:00' is no time"),
        ({"start": "2026-11-23T12:00Z"}, "nothing lies between --from 2026-11-23T12:00:00Z and now"),
        ({"start": "2026-11-22", "end": "2026-11-21"}, "nothing lies between --from 2026-11-21T23:00:00Z and --to"),
        ({"start": "2026-11-22", "end": "2026-11-22"}, "nothing lies between --from"),
        ({"start": "2020-01-01"}, "a report covers at most 366 days"),
        ({"start": "0001-01-01T00:00+14:00"}, "--from: 0001-01-01T00:00+14:00 is none of OCS's times"),
        ({"end": "9999-12-31T23:59-14:00"}, "--to: 9999-12-31T23:59-14:00 is none of OCS's times"),
        ({"start": "2026-11-22", "last": "1h"}, "--from and --last exclude each other"),
        ({"start": "2026-03-29T02:30"}, "--from: the clocks of Europe/Berlin skip 2026-03-29T02:30"),
        ({"start": "2026-10-25T02:30"}, "--from: the clocks of Europe/Berlin show twice 2026-10-25T02:30"),
    ],
)
def test_bad_what_cannot_be_is_said(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        window(zone=BERLIN, now=NOW, **asked)
    assert caught.value.reason.startswith(reason)


def test_a_time_that_comes_twice_can_be_told_by_its_offset() -> None:
    with pytest.raises(UsageError, match="show twice") as caught:
        window(zone=BERLIN, now=NOW, start="2026-10-25T02:30")
    assert str(caught.value.hint).endswith("+02:00 or +01:00")
    later = window(zone=BERLIN, now=NOW, start="2026-10-25T02:30+01:00")
    earlier = window(zone=BERLIN, now=NOW, start="2026-10-25T02:30+02:00")
    assert later.from_ms - earlier.from_ms == 3_600_000


@pytest.mark.parametrize("name", ["Europe", "../../etc/passwd", "/etc/passwd", "", "a\0b", "the moon"])
def test_bad_zone(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        timezone(name)
    assert caught.value.reason == f"--timezone: there is no timezone '{name}'"
    assert caught.value.hint


@pytest.mark.parametrize("name", ["localtime", "posixrules", "right/Europe/Berlin"])
def test_bad_zone_that_a_report_could_not_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no name of a timezone") as caught:
        timezone(name)
    assert caught.value.hint


def test_bad_zone_that_is_nearly_right() -> None:
    with pytest.raises(UsageError) as caught:
        timezone("europe/belrin")
    assert caught.value.hint == "Did you mean 'Europe/Berlin'?"


def test_bad_no_zones_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows without tzdata."""
    monkeypatch.setattr(room, "available_timezones", set)
    with pytest.raises(UsageError, match="knows no timezones"):
        timezone("Europe/Nowhere")


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00.000Z", "2018-04-26T18:53:00.123Z", "2026-11-23T08:00:00.999Z"])
def test_a_time_is_written_as_it_is_read(text: str) -> None:
    assert Window.iso(Window.ms(text)) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", timedelta(minutes=90)),
        ("1w", timedelta(days=7)),
        ("366d", timedelta(days=366)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T06:00+01:00", datetime(2026, 11, 23, 5, tzinfo=UTC)),
    ],
)
def test_since_is_a_length_of_time_or_a_time(text: str, meant: timedelta | datetime) -> None:
    assert since(text) == meant


@pytest.mark.parametrize("text", ["", "0m", "24", "-1h", "367d", "24 h", "yesterday", "1970-01-01"])
def test_bad_since(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--since"):
        since(text)
