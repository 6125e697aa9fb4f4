"""Odd messages: every class, in equal numbers, and each really odd in its own way, yet valid JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.bodies import CATALOGUE, START_MS, no_constant, strict
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import Message, date_time
from toolkit.ocs.odd import CLASSES, TENANT

Body = dict[str, Any]

CODES = [attribute.name for attribute in CATALOGUE.of_type("code")]
NAMES = [attribute.name for attribute in CATALOGUE.of_type("keyword")]
NUMBERS = [attribute.name for attribute in CATALOGUE.of_type("number")]
REQUIRED = {attribute.name for attribute in CATALOGUE.attributes.values() if attribute.present == "always"}
KNOWN = {*CATALOGUE.attributes, "GSW_CALLING_LISTS"}
NOW = date_time(START_MS)


def values(body: Body, names: list[str]) -> list[Any]:
    return [body[name] for name in names if name in body]


def some(names: list[str], test: Callable[[Any], bool]) -> Callable[[Body], bool]:
    """Exactly one of those attributes is such."""
    return lambda body: sum(test(value) for value in values(body, names)) == 1


def extra(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in KNOWN}


def extra_is(test: Callable[[str, Any], bool]) -> Callable[[Body], bool]:
    return lambda body: len(extra(body)) == 1 and all(test(key, value) for key, value in extra(body).items())


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((depth(each) for each in inner), default=0)


def is_code(value: Any) -> bool:
    return type(value) is int


def known_codes(name: str) -> set[int]:
    return {value.code for value in CATALOGUE.enums[str(CATALOGUE.attributes[name].enum)].values}


def time_is(test: Callable[[Any], bool]) -> Callable[[Body], bool]:
    return lambda body: test(body["GSW_DATE_TIME"])


def lists_of(body: Body) -> list[Any]:
    return [value for value in body.values() if isinstance(value, list) and value and isinstance(value[0], dict)]


# domain.md's classes, one by one, with what a message of each must show.
SHOWS: dict[str, Callable[[Body], bool]] = {
    "optional-attribute-missing": lambda body: len(KNOWN - body.keys()) == 1 and body.keys() >= REQUIRED,
    "required-attribute-missing": lambda body: len(REQUIRED - body.keys()) == 1,
    "null-attribute": some(list(CATALOGUE.attributes), lambda value: value is None),
    "code-as-string": some(CODES, lambda value: isinstance(value, str) and value.isdigit()),
    "code-with-blanks": some(CODES, lambda value: isinstance(value, str) and value != value.strip().strip("0") != ""),
    "code-as-whole-float": some(CODES, lambda value: not is_code(value) and str(value).endswith(".0")),
    "code-as-text": some(CODES, lambda value: isinstance(value, str)),
    "unknown-code": lambda body: sum(body[name] > max(known_codes(name)) for name in CODES) == 1,
    "negative-code": some(CODES, lambda value: int(value) < -1),
    "code-beyond-32-bits": some(CODES, lambda value: 2**31 <= abs(value) < 2**63),
    "code-beyond-64-bits": some(CODES, lambda value: is_code(value) and (value >= 2**63 or value < -(2**63))),
    "boolean-for-a-code": some(CODES, lambda value: isinstance(value, bool)),
    "object-for-a-scalar": some(list(CATALOGUE.attributes), lambda value: isinstance(value, dict)),
    "array-for-a-scalar": some(list(CATALOGUE.attributes), lambda value: isinstance(value, list)),
    "number-for-a-name": some(NAMES, lambda value: isinstance(value, int | float)),
    "object-for-a-name": some(NAMES, lambda value: isinstance(value, dict)),
    "empty-name": some(NAMES, lambda value: value.strip() == ""),
    "name-of-40-kb": some(NAMES, lambda value: 40_000 <= len(value.encode()) <= 41_000),
    "name-in-another-script": some(NAMES, lambda value: not value.isascii()),
    "name-with-emoji": some(NAMES, lambda value: any(ord(char) >= 0x2600 for char in value)),
    "name-with-control-characters": some(NAMES, lambda value: not value.isprintable()),
    "statistic-null": some(NUMBERS, lambda value: value is None),
    "statistic-as-string": some(NUMBERS, lambda value: isinstance(value, str)),
    "statistic-nan": some(NUMBERS, lambda value: value == "NaN"),
    "negative-statistic": some(NUMBERS, lambda value: value < 0),
    "statistic-beyond-a-float": some(NUMBERS, lambda value: value > 3.5e38),
    "calling-lists-as-array": lambda body: len(lists_of(body)[0]) == 2,
    "calling-lists-as-object": lambda body: any(isinstance(v, dict) and "Odd_Main" in v for v in body.values()),
    "calling-lists-in-the-statistics-place": lambda body: "Odd_Main" in body["GSW_STAT_HIT_RATIO"],
    "unknown-attribute-scalar": extra_is(lambda _, value: not isinstance(value, dict | list)),
    "unknown-attribute-object": extra_is(lambda _, value: isinstance(value, dict)),
    "unknown-attribute-array": extra_is(lambda _, value: isinstance(value, list)),
    "unknown-attribute-changing-type": extra_is(lambda key, _: key == "GSW_VENDOR_NEWS"),
    "nesting-to-depth-60": lambda body: depth(body) == 60,
    "dotted-key": extra_is(lambda key, _: "." in key),
    "empty-key": extra_is(lambda key, _: key == ""),
    "blank-key": extra_is(lambda key, _: key != "" and key.strip() == ""),
    "metadata-key": extra_is(lambda key, _: key.startswith("_")),
    "our-own-key": extra_is(lambda key, _: key in ("ocs", "event", "tags", "error", "@timestamp", "message")),
    "attributes-2000": lambda body: len(body) == 2000,
    "time-absent": lambda body: KNOWN - body.keys() == {"GSW_DATE_TIME"},
    "time-empty": time_is(lambda time: time.strip() == ""),
    "time-text": time_is(lambda time: isinstance(time, str) and time != NOW),
    "time-iso": time_is(lambda time: time.startswith("2018-04-26T18:53:00.123")),
    "time-milliseconds": time_is(lambda time: time.strip() == "1524768780123"),
    "time-number": time_is(lambda time: time in (1524768780.123, 1524768780, 1524768780123)),
    "time-negative": time_is(lambda time: float(time) < 0),
    "time-future": time_is(lambda time: float(time) > START_MS / 1000 + 86_400),
    "only-a-guid": lambda body: body.keys() == {"GSW_CAMPAIGN_GROUP_GUID"},
    "empty-object": lambda body: body == {},
}


def odd_messages(laps: int) -> dict[str, list[Message]]:
    feed = Feed(len(CLASSES) * laps, groups=10**9, odd_percent=100)  # so many that no time passes
    messages = defaultdict(list)
    for message in Feed.messages(feed, CATALOGUE, START_MS):
        messages[str(message.odd)].append(message)
    return messages


LAPS = 140  # every metadata key with every value
MESSAGES = odd_messages(LAPS)


def test_every_class_of_the_domain_has_an_entry() -> None:
    assert list(SHOWS) == list(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_each_message_of_a_class_is_odd_in_its_way(name: str) -> None:
    assert len(MESSAGES[name]) == LAPS
    for message in MESSAGES[name]:
        body = strict(message)
        assert SHOWS[name](body), body


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_a_group_of_its_own(name: str) -> None:
    bodies = [strict(message) for message in MESSAGES[name]]
    assert len({message.key for message in MESSAGES[name]}) == 1
    guids = {body.get("GSW_CAMPAIGN_GROUP_GUID") for body in bodies} - {None}
    assert len(guids) == (0 if name == "empty-object" else 1)
    if guids and name != "only-a-guid":
        tenants = Counter(str(body.get("GSW_TENANT_NAME")) for body in bodies)
        assert tenants.most_common(1)[0][0] == TENANT
        assert Counter(str(body.get("GSW_GROUP_NAME")) for body in bodies).most_common(1)[0][0] == name


def test_variants_take_turns() -> None:
    keys: dict[str, set[str]] = {
        name: {key for message in MESSAGES[name] for key in extra(strict(message))} for name in CLASSES
    }
    assert {"_index", "_id", "_routing", "_version", "_source", "_type", "_seq_no", "_if_seq_no"} < keys["metadata-key"]
    assert len(keys["our-own-key"]) == 6
    assert {key[:1] for key in keys["dotted-key"]} > {"."}
    pairs = {
        (key, json.dumps(value))
        for message in MESSAGES["metadata-key"]
        for key, value in extra(strict(message)).items()
    }
    assert len(pairs) == len(keys["metadata-key"]) * 7
    missing = {key for message in MESSAGES["required-attribute-missing"] for key in REQUIRED - strict(message).keys()}
    assert missing == REQUIRED
    nulled = {key for message in MESSAGES["null-attribute"] for key, value in strict(message).items() if value is None}
    assert nulled == set(CATALOGUE.attributes)


def test_an_unknown_attribute_changes_its_type_from_message_to_message() -> None:
    types = [type(strict(m)["GSW_VENDOR_NEWS"]) for m in MESSAGES["unknown-attribute-changing-type"]]
    assert all(a is not b for a, b in pairwise(types[:6]))


def test_a_statistic_is_beyond_a_double_too() -> None:
    assert any("1e400" in message.text for message in MESSAGES["statistic-beyond-a-float"])
    json.loads("1e400", parse_constant=no_constant)


@pytest.mark.parametrize(("count", "percent"), [(1000, 5), (1000, 33), (999, 10), (5000, 50), (200, 100), (40, 1)])
def test_odd_messages_are_spread_evenly_over_classes_and_time(count: int, percent: int) -> None:
    messages = list(Feed(count, groups=10, odd_percent=percent).messages(CATALOGUE, START_MS))
    odd = [message.odd for message in messages if message.odd]
    assert len(odd) == count * percent // 100
    number = Counter(dict.fromkeys(CLASSES, 0))
    number.update(odd)
    assert max(number.values()) - min(number.values()) <= 1
    quarter = count // 4
    for i in range(4):
        here = sum(message.odd is not None for message in messages[i * quarter : (i + 1) * quarter])
        assert abs(here - len(odd) / 4) <= 1


def test_odd_messages_leave_the_ordinary_ones_as_they_are() -> None:
    plain = [message.text for message in Feed(900, groups=9).messages(CATALOGUE, START_MS)]
    mixed = [m.text for m in Feed(1000, groups=9, odd_percent=10).messages(CATALOGUE, START_MS) if not m.odd]
    assert plain == mixed
