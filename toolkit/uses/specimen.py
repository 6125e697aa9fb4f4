"""The messages that `verify` sends: one with every attribute of the catalogue, and one that is no message of OCS's.

What the first must become is worked out from the catalogue alone, not by the pipeline's script or its tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.catalogue import Attribute, Catalogue, EnumValue
from toolkit.model import Body
from toolkit.ocs.message import Message, date_time, iso, to_text
from toolkit.tables import VERIFY_TENANT

_TENANT = "ocs.tenant.name"
_GUID = "ocs.campaign_group.guid"
_IDS = {
    "state": "running",
    "action": "start-dialing",
    "actor": "schedule",
    "dial_mode": "predictive",
    "optimize_by": "busy-factor",
}
"""What the message says of each enum; of one that is not listed, the last value."""
_NOT_ASCII = "Prüfung 検証"
"""In every name: an encoding that is wrong on the way shows."""
_LISTS = ("first", "second")


@dataclass(frozen=True, slots=True)
class Specimen:
    """A message, and the document that it must become."""

    guid: str
    message: Message
    stored: Mapping[str, Body]
    """What is looked at → the fields of the document by their paths, with their values; None: must be absent."""
    queried: Body
    """Attribute → what a query for it by its own GSW_ name must find."""
    guid_attribute: str
    """The attribute that holds the guid."""


def specimen(catalogue: Catalogue, guid: str, now_ms: int) -> Specimen:
    """The message of campaign group `guid` at `now_ms`, milliseconds since 1970 UTC."""
    sent: Body = {}
    stored: dict[str, Body] = {}
    queried: Body = {}
    for number, attribute in enumerate(catalogue.attributes.values()):
        sent[attribute.name], fields = _said(attribute, catalogue, guid, now_ms, number)
        stored[attribute.name] = fields
        queried[attribute.name] = fields[attribute.alias_of]
    sent["GSW_CALLING_LISTS"], lists = _calling_lists(catalogue)
    stored["calling lists"] = {catalogue.calling_lists.target: lists}
    stored |= {name: {name: value} for name, value in _added(catalogue)}
    return Specimen(
        guid=guid,
        message=Message(now_ms, to_text(sent), key=0, moment=None),
        stored=MappingProxyType(stored),
        queried=queried,
        guid_attribute=next(a.name for a in catalogue.attributes.values() if a.target == _GUID),
    )


def no_message(of: Specimen) -> Message:
    """A JSON object that is no message of OCS's, and names the verification: it must become a dead letter.

    The pipeline knows it by its key, and tags it `ocs_verify`, so that nobody counts it.
    """
    return Message(of.message.time_ms, to_text({VERIFY_TENANT: of.guid}), key=0, moment=None)


def _said(attribute: Attribute, catalogue: Catalogue, guid: str, now_ms: int, number: int) -> tuple[Any, Body]:
    """The attribute's value on the wire, and the fields that it becomes."""
    target = attribute.target
    match attribute.type:
        case "code":
            value = _enum_value(catalogue, str(attribute.enum))
            return value.code, {f"{target}.code": value.code, f"{target}.label": value.label}
        case "timestamp":
            return date_time(now_ms), {target: iso(now_ms)}
        case "keyword":
            text = {_TENANT: VERIFY_TENANT, _GUID: guid}.get(target, f"{target} {_NOT_ASCII}")
            return text, {target: text}
        case "integer":
            return 80 + number, {target: 80 + number}
        case _:
            return _figure(attribute, number), {target: _figure(attribute, number)}


def _figure(attribute: Attribute, number: int) -> float:
    """A statistic unlike the others, and one that a float holds exactly: it is compared."""
    return (number + 1) / 64 if attribute.unit == "ratio" else 3600 + number


def _calling_lists(catalogue: Catalogue) -> tuple[list[Body], list[Body]]:
    """The figures of two calling lists on the wire, and as they are stored."""
    figures = [attribute for attribute in catalogue.attributes.values() if attribute.calling_list]
    sent, stored = [], []
    for number, order in enumerate(_LISTS):
        name = f"{order} {_NOT_ASCII}"
        values = [_figure(attribute, number) for attribute in figures]
        own = zip((a.name for a in figures), values, strict=True)
        become = zip((str(a.calling_list) for a in figures), values, strict=True)
        sent.append({catalogue.calling_lists.names[0]: name, **dict(own)})
        stored.append({"name": name, **dict(become)})
    return sent, stored


def _added(catalogue: Catalogue) -> Iterator[tuple[str, Any]]:
    """What the pipeline adds, but for the time of its own clock."""
    action = _enum_value(catalogue, "action").id
    yield "event.action", action
    yield from catalogue.constants.items()
    yield "ocs.message", "state_change" if action in catalogue.state_change_actions else "activity"
    yield "ocs.schema", catalogue.schema
    yield "tags", ["ocs_verify"]
    yield "ocs.invalid", None
    yield "ocs.extra", None


def _enum_value(catalogue: Catalogue, enum: str) -> EnumValue:
    values = catalogue.enums[enum]
    return values.by_id(_IDS[enum]) if enum in _IDS else values.values[-1]
