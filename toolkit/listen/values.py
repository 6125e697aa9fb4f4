"""Whether a value is what its attribute should hold: the pipeline's own rules, for where no pipeline is at hand.

`ingest_pipelines/campaign_group.painless` is what counts; a test on an engine shows that the two agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from toolkit.catalogue import Attribute, Catalogue

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ISO = re.compile(
    r"\d{4}-(0\d|1[0-2])-[0-3]\dT[0-2]\d:[0-5]\d(:[0-5]\d([.,]\d+)?)?([zZ]|[+-]\d\d(:?\d\d(:\d\d)?)?)", re.ASCII
)
_JAVA_BLANKS = "".join(map(chr, range(33)))  # what Java's trim takes away
_FLOAT_MAX = 3.4028234663852886e38
_YEAR_0_MS = -62_167_219_200_000
_YEAR_33658_MS = 10**15


def fits(attribute: Attribute, value: Any, catalogue: Catalogue, now_ms: int) -> bool:
    """Whether the attribute becomes its field, so that nothing goes to `ocs.invalid`; null does no harm."""
    if value is None:
        return True
    match attribute.type:
        case "keyword":
            return _is_name(value, catalogue.keyword_length)
        case "code" | "integer":
            return whole_number(value) is not None
        case "timestamp":
            limit_ms = now_ms + catalogue.future_hours * 3_600_000
            time_ms = _milliseconds(value)
            return time_ms is not None and _YEAR_0_MS <= time_ms <= limit_ms
        case _:
            return is_statistic(value) or (bool(attribute.calling_list) and _in_place(value))


def whole_number(value: Any) -> int | None:
    """5 for 5, 5.0, "5" and " 5 "; None for what is no whole number of 32 bits."""
    number = _decimal(value)
    if number is None or number != number.to_integral_value() or not -(2**31) <= number < 2**31:
        return None
    return int(number)


def is_statistic(value: Any) -> bool:
    """Whether it is a number that is not negative and not beyond a float."""
    number = value if isinstance(value, float) else _decimal(value)
    return number is not None and 0 <= number <= _FLOAT_MAX


def are_calling_lists(value: Any, catalogue: Catalogue) -> bool:
    """Whether it has the shape of the calling lists' figures: a list of objects, or objects keyed by list name."""
    figures = {attribute.name for attribute in catalogue.attributes.values() if attribute.calling_list}
    items = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return bool(items) and all(isinstance(item, Mapping) and not figures.isdisjoint(item) for item in items)


def json_type(value: Any) -> str:
    """JSON's word for what a value is."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def depth(value: Any) -> int:
    """Levels of nesting; a scalar has none. Without recursion, since a sender decides how deep it is."""
    level, deepest = [value], -1
    while level:
        deepest += 1
        level = [inner for item in level for inner in _inside(item)]
    return deepest


def beyond_64_bits(value: Any) -> bool:
    """Whether an integer anywhere in it is of 2^63 or more, or below -2^63."""
    level = [value]
    while level:
        if any(isinstance(item, int) and not -(2**63) <= item < 2**63 for item in level):
            return True
        level = [inner for item in level for inner in _inside(item)]
    return False


def _inside(value: Any) -> list[Any]:
    """What an object or an array holds; an empty one counts as a level too."""
    if isinstance(value, dict):
        return list(value.values()) or [None]
    if isinstance(value, list):
        return value or [None]
    return []


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value) if not isinstance(value, str) else value.strip(_JAVA_BLANKS)
    if (isinstance(value, str) and len(text) > 40) or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and -400 <= exponent <= 400 else None


def _is_name(value: Any, length_max: int) -> bool:
    if isinstance(value, str):
        return len(value.encode("utf-16-le", "surrogatepass")) // 2 <= length_max
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _milliseconds(value: Any) -> int | None:
    """Milliseconds since 1970."""
    number = _decimal(value)
    if number is not None:
        number = number.normalize() if isinstance(value, float) else number
        digits = f"{abs(number):f}"
        fraction = "." in digits
        if not fraction and len(digits) > 18:
            return None
        result = number if not fraction and len(digits) >= 12 else number * 1000
        return None if abs(result) > _YEAR_33658_MS else int(result)
    if isinstance(value, str):
        text = value.strip(_JAVA_BLANKS)
        return _iso_milliseconds(text) if 16 < len(text) < 60 and _ISO.fullmatch(text) else None
    return None


def _iso_milliseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # such as a 31st of February
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _in_place(value: Any) -> bool:
    """Figures of calling lists in a statistic's own place: numbers keyed by the list's name."""
    return isinstance(value, dict) and bool(value) and all(v is None or is_statistic(v) for v in value.values())
