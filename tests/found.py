"""Whether a message was found: every value of it stands in the document that its own answer names."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.tables import METADATA

CATALOGUE = read_catalogue()


def missing(message: dict[str, Any], source: dict[str, Any], catalogue: Catalogue = CATALOGUE) -> list[str]:
    """The attributes of a message whose value is nowhere in its document; none: it was found whole.

    An engine takes a body's own `_index`, `_id`, `_version` and `_version_type` for itself before any pipeline
    runs, so these four are not looked for.
    """
    message = {key: value for key, value in message.items() if key not in METADATA}
    if "original" in source.get("event", {}):
        original = json.loads(source["event"]["original"])
        return [key for key, value in message.items() if key not in original or not _same(value, original[key])]
    return [key for key, value in message.items() if value is not None and not _kept(key, value, source, catalogue)]


def _kept(key: str, value: Any, source: dict[str, Any], catalogue: Catalogue) -> bool:
    ocs = source["ocs"]
    for place in ("invalid", "extra"):
        if key in ocs.get(place, {}):
            return _same(value, ocs[place][key]) or _same_text(value, ocs[place][key])
    attribute = catalogue.attributes.get(key)
    if attribute and attribute.type == "timestamp":
        return _same_time(value, source["@timestamp"])
    if attribute and not isinstance(value, dict):
        return _same_scalar(value, _at(source, attribute.alias_of))
    lists = ocs.get("calling_lists", [])
    if attribute:  # figures of calling lists in the statistic's own place
        rows = {row.get("name"): row for row in lists}
        return all(
            figure is None or _same_scalar(figure, rows[name].get(attribute.calling_list))
            for name, figure in value.items()
        )
    return value is None or _lists_kept(value, lists, catalogue)


def _lists_kept(value: Any, lists: list[dict[str, Any]], catalogue: Catalogue) -> bool:
    items = (
        [({"name": name}, item) for name, item in value.items()]
        if isinstance(value, dict)
        else [({}, item) for item in value]
    )
    for expected, item in items:
        for key, figure in item.items():
            if key in catalogue.calling_lists.names:
                expected["name"] = figure
            elif figure is not None:
                expected[catalogue.attributes[key].calling_list or key] = figure
        if not any(all(_same_scalar(v, row.get(k)) for k, v in expected.items()) for row in lists):
            return False
    return True


def _at(source: dict[str, Any], path: str) -> Any:
    value: Any = source
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _same(left: Any, right: Any) -> bool:
    """Equal JSON; numbers by value, since 1 and 1.0 and 1e0 are the same."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, float) and math.isinf(left) and right == ("Infinity" if left > 0 else "-Infinity"):
        return True  # 1e400: an engine's parser reads infinity, before any pipeline, and writes it so
    if isinstance(left, int | float) and isinstance(right, int | float):
        return float(left) == float(right) if isinstance(left, float) or isinstance(right, float) else left == right
    return type(left) is type(right) and left == right


def _same_text(sent: Any, stored: Any) -> bool:
    """What is nested too deeply is kept as JSON text."""
    return isinstance(sent, dict | list) and isinstance(stored, str) and _same(sent, json.loads(stored))


def _same_scalar(sent: Any, stored: Any) -> bool:
    """Equal, or the same number written as text."""
    if _same(sent, stored):
        return True
    if isinstance(sent, bool) or isinstance(stored, bool) or sent is None or stored is None:
        return False
    try:
        return float(Decimal(str(sent).strip())) == float(Decimal(str(stored).strip()))
    except InvalidOperation:
        return False


def _same_time(sent: Any, stored: str) -> bool:
    """The same moment to the millisecond, by this module's own reading of domain rules, not the pipeline's."""
    text = str(sent).strip()
    moment = datetime.fromisoformat(stored)
    milliseconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    try:
        number = Decimal(text)
    except InvalidOperation:
        sent_moment = datetime.fromisoformat(text).astimezone(UTC)
        return sent_moment.replace(microsecond=sent_moment.microsecond // 1000 * 1000) == moment
    digits = format(abs(number), "f")
    if "." not in digits and len(digits) >= 12:
        return int(number) == milliseconds
    return int(number * 1000) == milliseconds
