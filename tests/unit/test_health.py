"""How the feed is judged: who should speak, who is silent, how bad that is, and that it fits into a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.cluster import CATALOGUE
from toolkit.config import Settings
from toolkit.config.keys import SETTINGS
from toolkit.config.threshold import Threshold, parse_threshold
from toolkit.doctor.finding import Level
from toolkit.output.status import figures, line
from toolkit.questions.health import HeardGroup, LastMessage, UnknownCode
from toolkit.streams import Streams
from toolkit.uses.health import Health, active, stale
from toolkit.uses.thresholds import MEASURES, thresholds

NOW_MS = 1_795_420_800_000
STATES = CATALOGUE.enums["state"]
FINE = Health(
    url="http://elasticsearch.example",
    streams=Streams("default"),
    now_ms=NOW_MS,
    since_ms=NOW_MS - 86_400_000,
    stale_after_s=35,
    thresholds=thresholds(Settings()),
    last=LastMessage("2026-11-23T07:59:56.000Z", 4.0),
    active=2,
    stale=[],
    dead_letters=0,
    failures=None,
    unknown_messages=0,
    unknown_codes=[],
)


def group(name: str | None, *, code: int | None = 5, age_s: float = 4) -> HeardGroup:
    return HeardGroup(f"guid of {name}", "a tenant", name, code, None, NOW_MS - int(age_s * 1000))


def silent(*names: str | None) -> Health:
    groups = [group(name, age_s=60) for name in names]
    return replace(FINE, active=len(groups), stale=stale(groups, NOW_MS, 35))


@pytest.mark.parametrize("state", STATES.values, ids=lambda state: state.id)
def test_a_group_is_active_unless_the_catalogue_says_that_ocs_is_silent_of_it(state: object) -> None:
    code = getattr(state, "code", None)
    assert bool(active([group("g", code=code)], STATES)) is (code not in STATES.silent)


@pytest.mark.parametrize("code", [None, 9, -7])
def test_of_a_state_that_nobody_knows_nobody_knows_whether_ocs_reports_it(code: int | None) -> None:
    assert active([group("g", code=code)], STATES) == []


@pytest.mark.parametrize(("age_s", "is_stale"), [(34.9, False), (35.0, False), (35.001, True), (-5, False)])
def test_a_group_is_stale_after_three_intervals_and_a_refresh(age_s: float, is_stale: bool) -> None:
    assert Settings().stale_after_s == 3 * 10 + 5
    assert bool(stale([group("g", age_s=age_s)], NOW_MS, Settings().stale_after_s)) is is_stale


def test_the_intervals_and_the_refresh_are_the_configured_ones() -> None:
    settings = Settings(interval_s=30, silent_intervals=4, refresh_interval_s=1)
    assert settings.stale_after_s == 121
    assert thresholds(settings)["silence"] == Threshold(121, 121)
    assert thresholds(replace(settings, silence_threshold="600,none"))["silence"] == Threshold(600, None)


def test_what_is_well_is_no_finding() -> None:
    assert (FINE.findings, FINE.worst) == ([], Level.OK)


@pytest.mark.parametrize(
    ("changed", "check", "level"),
    [
        ({"last": LastMessage("", 36.0)}, "silence", Level.CRITICAL),
        ({"last": None, "active": 0}, "silence", Level.WARNING),
        ({"dead_letters": 1}, "dead letters", Level.WARNING),
        ({"dead_letters": 101}, "dead letters", Level.CRITICAL),
        ({"failures": 1}, "failure store", Level.WARNING),
        ({"failures": 101}, "failure store", Level.CRITICAL),
        ({"unknown_messages": 1_000_000}, "unknown codes", Level.NOTE),
    ],
)
def test_findings_say_why_and_what_to_do(changed: dict[str, object], check: str, level: Level) -> None:
    (found,) = replace(FINE, **changed).findings  # type: ignore[arg-type]
    assert (found.check, found.level) == (check, level)
    assert found.what
    assert found.why
    assert found.remedy


def test_an_empty_stream_is_no_alarm_where_silence_is_none() -> None:
    off = replace(FINE, last=None, active=0, thresholds=thresholds(Settings(), ["silence=none,none"]))
    assert [finding.level for finding in off.findings] == [Level.NOTE]
    assert line(off).startswith("active campaign groups: 0, no message yet, ")


def test_the_failure_store_that_is_empty_or_absent_is_well() -> None:
    assert replace(FINE, failures=0).worst is replace(FINE, failures=None).worst is Level.OK


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_has_a_figure_and_none_none_silences_it(measure: str) -> None:
    bad = replace(
        silent("g"),
        last=LastMessage("", 1e6),
        dead_letters=10**6,
        failures=10**6,
        unknown_messages=10**6,
        thresholds=thresholds(Settings(), [f"{name}=0,0" for name in MEASURES]),
    )
    assert bad.level(measure) is Level.CRITICAL
    off = replace(bad, thresholds=thresholds(Settings(), [f"{name}=none,none" for name in MEASURES]))
    assert off.level(measure) is Level.OK
    assert {finding.level for finding in off.findings} == {Level.NOTE}


def test_five_thousand_groups_fit_into_the_line() -> None:
    health = silent(*(f"Collections@Team {i:04}" for i in range(5000)))
    said = line(health)
    names = ", ".join(f"Collections@Team {i:04}" for i in range(10))
    assert said.endswith(f"silent for more than 35 s: 5,000 of 5,000 active campaign groups ({names} and 4,990 more)")
    assert len(said) < 400
    assert len(line(silent(*("N" * 1024 for _ in range(5000))))) < 1000
    assert len(health.as_json()["stale_groups"]) == 5000


def test_a_group_without_a_name_is_called_by_its_guid_and_odd_names_stay_in_the_line() -> None:
    said = line(silent(None, "a\nb\x1b[2J"))
    assert "guid of None" in said
    assert "\n" not in said
    assert "\x1b" not in said


def test_unknown_codes_are_named_with_their_attribute_and_the_commonest_are_enough() -> None:
    codes = [UnknownCode("GSW_DIAL_MODE", 12 + i, 90 - i) for i in range(12)]
    (found,) = replace(FINE, unknown_messages=42, unknown_codes=codes).findings
    assert found.what.startswith(
        "messages since 2026-11-22 08:00 UTC: 42 (GSW_DIAL_MODE 12: 90, GSW_DIAL_MODE 13: 89, "
    )
    assert found.what.endswith("GSW_DIAL_MODE 21: 81 and 2 more)")
    assert "maintainers" in found.remedy


def test_figures_are_nagioss_performance_data() -> None:
    health = replace(FINE, dead_letters=12_345_678, failures=3, thresholds=thresholds(Settings(), ["silence=40,none"]))
    assert figures(health) == (
        "silence=4.0s;40;;0 stale_groups=0;0;0;0 dead_letters=12345678;0;100;0 failures=3;0;100;0 unknown_codes=0;;;0"
    )


@pytest.mark.parametrize("text", ["0,0", "none,none", "none,5", "5,none", "5,5", "999999999,999999999"])
def test_limits_that_can_be_read(text: str) -> None:
    found = parse_threshold(text)
    assert found is not None
    assert ",".join("none" if limit is None else str(limit) for limit in (found.warning, found.critical)) == text


@pytest.mark.parametrize(
    "text", ["", "5", "5,", ",5", "6,5", "5,6,7", "-1,5", "01,5", "5, 6", "3,\u0665", "1e3,1e4", 5, None]
)
def test_bad_limits(text: object) -> None:
    assert parse_threshold(text) is None


def test_every_measure_has_a_key_whose_default_is_the_settings() -> None:
    for measure in MEASURES:
        key = SETTINGS[f"{measure}_threshold"]
        assert key.example == getattr(Settings(), key.name)
        assert key.fits(key.example)
