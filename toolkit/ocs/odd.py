"""Odd messages: a table of classes, each a way to spoil a plausible activity message.

Every body is valid UTF-8 JSON, an object with unique keys, so a receiver that must never refuse has to take
it. Each class has a campaign group of its own, so that what is known of the ordinary groups stays exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar

from toolkit.catalogue import Attribute, Catalogue
from toolkit.model import Body
from toolkit.ocs.campaign import CampaignGroup, new_guid
from toolkit.ocs.choices import CallingListShape
from toolkit.ocs.life import STEPS, Moment, Stay
from toolkit.ocs.message import Message, Writer, date_time, iso, to_text
from toolkit.ocs.statistics import Figures, ListFigures

TENANT = "Odd messages"
"""Tenant of all groups that send odd messages."""

T = TypeVar("T")

_METADATA_KEYS = (
    *("_index", "_id", "_routing", "_version", "_source", "_type", "_seq_no", "_primary_term", "_if_seq_no"),
    *("_if_primary_term", "_version_type", "_op_type", "_dynamic_templates", "_ingest", "_field_names"),
    *("_ignored", "_doc_count", "_meta"),
)
_OUR_KEYS = ("ocs", "event", "tags", "error", "@timestamp", "message")
_OTHER_VALUES: tuple[Any, ...] = ("elsewhere", 7, {"name": "inside"}, ["a", 1], None, True, "2018-04-26")
_DOTTED_KEYS = (
    *("site.name", "GSW_GROUP_NAME.more", "ocs.tenant.name", "event.action", "@timestamp.x"),
    *(".", "..", ".leading", "trailing.", "two..dots"),
)
_SCRIPTS = ("営業センター", "Ελληνικά", "Кампания", "مركز الاتصال", "ภาษาไทย", "한국어", "e\u0301ñø", "İıſß")
_EMOJI = ("📞 Winback", "👩🏽‍💻👨‍👩‍👧‍👦", "🇨🇭", "☎️", "\U0001d4e6inback")


@dataclass(frozen=True, slots=True)
class Victim:
    """A message to be spoiled: `body` is its own, and may be changed."""

    body: Body
    turn: int
    """How many messages of the class came before: the variants take turns."""
    catalogue: Catalogue

    def pick(self, variants: Sequence[T]) -> T:
        """This turn's variant."""
        return variants[self.turn % len(variants)]

    def pick_pair(self, outer: Sequence[T], inner: Sequence[Any]) -> tuple[T, Any]:
        """This turn's pair; the first goes round fastest, and each meets each."""
        lap, step = divmod(self.turn, len(outer))
        return outer[step], inner[(lap + step) % len(inner)]

    def of_type(self, *types: str) -> list[str]:
        """The names of the attributes of those types."""
        return [attribute.name for attribute in self.catalogue.of_type(*types)]

    def names(self) -> list[str]:
        """The attributes that are names; without the GUID, by which a test finds the message."""
        return [name for name in self.of_type("keyword") if name != "GSW_CAMPAIGN_GROUP_GUID"]

    def present(self, wanted: Callable[[Attribute], bool]) -> list[str]:
        """The names of the attributes for which that holds."""
        return [attribute.name for attribute in self.catalogue.attributes.values() if wanted(attribute)]

    def having(self, key: str, value: Any) -> Body:
        """The body with that attribute."""
        self.body[key] = value
        return self.body

    def lacking(self, key: str) -> Body:
        """The body without that attribute."""
        del self.body[key]
        return self.body

    def changed(self, key: str, change: Callable[[Any], Any]) -> Body:
        """The body with that attribute's value changed."""
        return self.having(key, change(self.body[key]))


Spoil = Callable[[Victim], Body | str]
"""Makes a message odd; text instead of a body where Python would not write that JSON."""


def _optional_missing(victim: Victim) -> Body:
    return victim.lacking(victim.pick(victim.present(lambda attribute: attribute.present != "always")))


def _required_missing(victim: Victim) -> Body:
    return victim.lacking(victim.pick(victim.present(lambda attribute: attribute.present == "always")))


def _null(victim: Victim) -> Body:
    return victim.having(victim.pick(list(victim.catalogue.attributes)), None)


def _code(*changes: Callable[[int], Any]) -> Spoil:
    """The codes, in turn, become something else made of them."""
    return lambda victim: victim.changed(*victim.pick_pair(victim.of_type("code"), changes))


def _code_text(victim: Victim) -> Body:
    """The id or the label of a code's value in the place of its number."""
    texts = ("label", "id", "five", "0x05", "5 running", "", "1e", "٣")  # the last is a digit, in Arabic
    name, text = victim.pick_pair(victim.of_type("code"), texts)
    enum = victim.catalogue.enums[str(victim.catalogue.attributes[name].enum)]
    value = next(value for value in enum.values if value.code == victim.body[name])
    return victim.having(name, {"label": value.label, "id": value.id}.get(text, text))


def _unknown_code(victim: Victim) -> Body:
    """A number above all that the enum knows: the vendor adds values over time."""
    name = victim.pick(victim.of_type("code"))
    enum = victim.catalogue.enums[str(victim.catalogue.attributes[name].enum)]
    return victim.having(name, max(value.code for value in enum.values) + 1 + victim.turn % 50)


def _any(*values: Any) -> Spoil:
    """Any attribute but the GUID becomes one of those values."""
    return lambda victim: victim.having(
        *victim.pick_pair([name for name in victim.catalogue.attributes if name != "GSW_CAMPAIGN_GROUP_GUID"], values)
    )


def _array(victim: Victim) -> Body:
    """A scalar within an array, or in worse company."""
    names = [name for name in victim.catalogue.attributes if name != "GSW_CAMPAIGN_GROUP_GUID"]
    shapes: tuple[Callable[[Any], Any], ...] = (
        lambda value: [value],
        lambda value: [value, value],
        lambda _: [],
        lambda value: [[value]],
        lambda value: [value, None, {"and": "more"}],
    )
    return victim.changed(*victim.pick_pair(names, shapes))


def _name(*values: Any) -> Spoil:
    """The names, in turn, become one of those values."""
    return lambda victim: victim.having(*victim.pick_pair(victim.names(), values))


def _statistic(*values: Any) -> Spoil:
    return lambda victim: victim.having(*victim.pick_pair(victim.of_type("number"), values))


def _statistic_beyond_a_float(victim: Victim) -> Body | str:
    """Numbers beyond 32 bits' range, and one beyond a double's, which Python would not write."""
    name, value = victim.pick_pair(victim.of_type("number"), (1e39, 1e300, None))
    if value is not None:
        return victim.having(name, value)
    return to_text(victim.having(name, "@@")).replace('"@@"', "1e400")


def _lists(shape: CallingListShape) -> Spoil:
    """The calling lists in that shape, under names of attributes that the vendor might use."""

    def spoil(victim: Victim) -> Body:
        lists = victim.body.pop("GSW_CALLING_LISTS")
        if shape is CallingListShape.ARRAY:
            key = victim.pick(("GSW_CALLING_LISTS", "GSW_LISTS", "CallingLists"))
            name = victim.pick_pair((key,), victim.catalogue.calling_lists.names)[1]
            return victim.having(key, [_renamed(each, name) for each in lists])
        by_name = {each.pop("GSW_CALLING_LIST_NAME"): each for each in lists}
        if shape is CallingListShape.OBJECT:
            return victim.having(victim.pick(("GSW_CALLING_LISTS", "GSW_CALLING_LIST_STATISTICS")), by_name)
        for statistic in ("GSW_STAT_HIT_RATIO", "GSW_STAT_TIME_TO_COMPLETE"):
            victim.body[statistic] = {name: figures[statistic] for name, figures in by_name.items()}
        return victim.body

    return spoil


def _renamed(entry: Body, name: str) -> Body:
    return {name: entry.pop("GSW_CALLING_LIST_NAME"), **entry}


def _unknown(*values: Any) -> Spoil:
    """An attribute that no catalogue knows."""
    return lambda victim: victim.having(f"GSW_VENDOR_NEWS_{victim.turn % 5}", victim.pick(values))


def _changing(victim: Victim) -> Body:
    """The same unknown attribute with another type in every message."""
    return victim.having("GSW_VENDOR_NEWS", victim.pick((1, "one", {"one": 1}, [1, "one"], 1.5, True, "2018-04-26")))


def _deep(victim: Victim) -> Body:
    """An object, or an array, that is 60 levels deep together with the body around it."""
    value: Any = "the bottom"
    for level in range(59):
        value = {f"level_{59 - level}": value} if victim.turn % 2 == 0 else [value]
    return victim.having("GSW_VENDOR_DEPTH", value)


def _key(*keys: str) -> Spoil:
    """A key of those, with values of every type in turn."""
    return lambda victim: victim.having(*victim.pick_pair(keys, _OTHER_VALUES))


def _many(victim: Victim) -> Body:
    """2,000 attributes, the known ones included."""
    for number in range(2000 - len(victim.body)):
        victim.body[f"GSW_VENDOR_{number}"] = victim.pick((number, f"text {number}"))
    return victim.body


def _time(*values: Any) -> Spoil:
    return lambda victim: victim.having("GSW_DATE_TIME", victim.pick(values))


def _time_from(*changes: Callable[[int], Any]) -> Spoil:
    """The time in another form, from its milliseconds."""
    return lambda victim: victim.changed("GSW_DATE_TIME", lambda text: victim.pick(changes)(int(text.replace(".", ""))))


_DAY_MS = 24 * 60 * 60 * 1000

CLASSES: Mapping[str, Spoil] = MappingProxyType(
    {
        "optional-attribute-missing": _optional_missing,
        "required-attribute-missing": _required_missing,
        "null-attribute": _null,
        "code-as-string": _code(str),
        "code-with-blanks": _code(lambda code: f" {code} ", lambda code: f"\t{code}", lambda code: f"{code}\n"),
        "code-as-whole-float": _code(float, lambda code: f"{code}.0"),
        "code-as-text": _code_text,
        "unknown-code": _unknown_code,
        "negative-code": _code(lambda _: -2, lambda code: -1000 - code, lambda _: "-7"),
        "code-beyond-32-bits": _code(lambda _: 2**31, lambda code: 2**40 + code, lambda _: -(2**31) - 1),
        "code-beyond-64-bits": _code(lambda _: 2**64, lambda _: 2**63, lambda _: 10**30, lambda _: -(2**70)),
        "boolean-for-a-code": _code(lambda _: True, lambda _: False),
        "object-for-a-scalar": _any({}, {"value": 1}, {"name": "x", "code": None}),
        "array-for-a-scalar": _array,
        "number-for-a-name": _name(8001, 0.5, -1, 10**20),
        "object-for-a-name": _name({"name": "Team North"}, {}),
        "empty-name": _name("", " "),
        "name-of-40-kb": _name("x" * 40_000, "ü" * 20_000, "営" * 13_400),
        "name-in-another-script": _name(*_SCRIPTS),
        "name-with-emoji": _name(*_EMOJI),
        "name-with-control-characters": _name(
            "".join(map(chr, range(32))), "a\u0000b", "line\r\nbreak", "\u007f\u2028"
        ),
        "statistic-null": _statistic(None),
        "statistic-as-string": _statistic("0.31", "85", " 0.5 ", "n/a"),
        "statistic-nan": _statistic("NaN"),
        "negative-statistic": _statistic(-0.25, -1, -3600),
        "statistic-beyond-a-float": _statistic_beyond_a_float,
        "calling-lists-as-array": _lists(CallingListShape.ARRAY),
        "calling-lists-as-object": _lists(CallingListShape.OBJECT),
        "calling-lists-in-the-statistics-place": _lists(CallingListShape.IN_PLACE),
        "unknown-attribute-scalar": _unknown("news", 42, 0.5, True, None),
        "unknown-attribute-object": _unknown({}, {"a": {"b": [1, {"c": None}]}}, {"GSW_DIAL_MODE": "inside"}),
        "unknown-attribute-array": _unknown([], [1, "two", None, [3], {"four": 4}]),
        "unknown-attribute-changing-type": _changing,
        "nesting-to-depth-60": _deep,
        "dotted-key": _key(*_DOTTED_KEYS),
        "empty-key": _key(""),
        "blank-key": _key(" ", "\t", "\u00a0", "\u3000", "\n"),
        "metadata-key": _key(*_METADATA_KEYS),
        "our-own-key": _key(*_OUR_KEYS),
        "attributes-2000": _many,
        "time-absent": lambda victim: victim.lacking("GSW_DATE_TIME"),
        "time-empty": _time("", " "),
        "time-text": _time("yesterday", "NaN", "26.04.2018 18:53", "1524768780,123", "99999999999999999999.5"),
        "time-iso": _time_from(iso, lambda ms: iso(ms).replace("Z", "+00:00")),
        "time-milliseconds": _time_from(str, lambda ms: f" {ms} "),
        "time-number": _time_from(lambda ms: ms / 1000, lambda ms: ms // 1000, lambda ms: ms),
        "time-negative": _time("-1524768780.123", -1, "-0.001"),
        "time-future": _time_from(lambda ms: date_time(ms + 400 * _DAY_MS), lambda ms: date_time(ms + 10**5 * _DAY_MS)),
        "only-a-guid": lambda victim: {"GSW_CAMPAIGN_GROUP_GUID": victim.body["GSW_CAMPAIGN_GROUP_GUID"]},
        "empty-object": lambda _: {},
    }
)
"""Every class and how it spoils a message; in this order they take turns."""


class OddMessages:
    """Sends odd messages, one of each class in turn."""

    def __init__(self, catalogue: Catalogue, seed: int, *, first_key: int) -> None:
        self._catalogue = catalogue
        self._writer = Writer(catalogue, CallingListShape.ARRAY)
        self._rng = Random(seed)
        self._first_key = first_key
        self._groups = [_group(name, self._rng) for name in CLASSES]
        self._sent = 0

    def next(self, time_ms: int) -> Message:
        """The next one, sent at that time (milliseconds since 1970 UTC)."""
        turn, number = divmod(self._sent, len(CLASSES))
        self._sent += 1
        group = self._groups[number]
        name, spoil = group.group, CLASSES[group.group]
        body = self._writer.body(_activity(group), self._figures(group), time_ms)
        spoiled = spoil(Victim(body, turn, self._catalogue))
        text = spoiled if isinstance(spoiled, str) else to_text(spoiled)
        return Message(time_ms, text, self._first_key + number, None, name)

    def _figures(self, group: CampaignGroup) -> Figures:
        hit_ratio, left_s = round(self._rng.uniform(0.1, 0.4), 4), self._rng.randrange(60, 36_000)
        lists = tuple(ListFigures(name, hit_ratio, left_s) for name in group.calling_lists)
        return Figures(round(self._rng.uniform(0.6, 0.9), 4), hit_ratio, 0.02, left_s, lists)


def _group(name: str, rng: Random) -> CampaignGroup:
    """The campaign group of a class; it has every attribute that can be configured."""
    return CampaignGroup(
        index=0,
        tenant=TENANT,
        ccid="999",
        name=f"Odd@{name}",
        guid=new_guid(rng),
        group=name,
        campaign="Odd",
        template="Template_Odd",
        queue="8999@Switch_Main",
        modes=("predictive",),
        optimize_by="busy-factor",
        optimize_goal=80,
        calling_lists=("Odd_Main", "Odd_Retry"),
        seed=0,
    )


def _activity(group: CampaignGroup) -> Moment:
    """A periodic message of a running group in a predictive mode: it has every attribute."""
    return Moment(group, 0, Stay("dialing", "running", "predictive", 0, 0, STEPS[0]), "start-dialing", "schedule", True)
