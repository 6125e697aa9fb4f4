"""Which stored documents say something else than their codes do by now; pure.

What the pipeline derives from codes (labels, `event.action`, `ocs.message`, the tag of unknown codes) is written into
each document. When catalogue or configuration change, one query finds exactly the documents that no longer agree: their
number is what is left to be done, and 0 of them is the proof that it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from toolkit.catalogue import Attribute, Catalogue, Enum
from toolkit.model import Body

UNKNOWN_TAG = "ocs_unknown_code"
_UNKNOWN_LABEL, _UNKNOWN_ID = r"Unknown \(-?[0-9]+\)", "unknown--?[0-9]+"
"""What the pipeline derives from a number that the catalogue does not have, as Lucene's regular expressions."""
_VALUES_MAX = 1000
"""Different codes of an attribute, and different words for one code, that are told apart in a preview."""


@dataclass(frozen=True, slots=True)
class Relabelling:
    """What becomes of one value of one field, and in how many documents."""

    field: str
    before: str | None
    """None: the field, or in the list of tags this tag, is absent."""
    after: str | None
    documents: int

    def as_json(self) -> Body:
        """For programs."""
        return asdict(self)


def outdated(catalogue: Catalogue) -> Body:
    """The query for the documents whose labels, or whatever else derives from codes, are not the catalogue's."""
    return _any_of(*_conditions(catalogue).values())


def breakdown(catalogue: Catalogue) -> Body:
    """Aggregations that tell what becomes of which values, for `relabellings` to read."""
    found: Body = {}
    for name, field, code in _derived(catalogue):
        wrong = _conditions(catalogue)[name]
        words = {"terms": {"field": field, "size": _VALUES_MAX, "missing": ""}}
        codes = {"terms": {"field": code, "size": _VALUES_MAX}, "aggs": {"words": words}}
        found[name] = {"filter": wrong, "aggs": {"codes": codes}}
    tagged = {"filters": {"filters": {"tagged": _tagged(), "untagged": _none_of(_tagged())}}}
    found["tags"] = {"filter": _conditions(catalogue)["tags"], "aggs": {"tagged": tagged}}
    return found


def relabellings(catalogue: Catalogue, answer: Body) -> list[Relabelling]:
    """What becomes of which values, the commonest of each field first.

    Args:
        catalogue: the one that the aggregations were made from.
        answer: the server's, to the aggregations of `breakdown`.
    """
    found = []
    for name, field, _ in _derived(catalogue):
        counts: dict[tuple[str | None, str], int] = {}
        for bucket in answer[name]["codes"]["buckets"]:
            after = _derive(catalogue, name, int(bucket["key"]))
            for word in bucket["words"]["buckets"]:
                key = (word["key"] or None, after)
                counts[key] = counts.get(key, 0) + word["doc_count"]
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        found += [Relabelling(field, before, after, count) for (before, after), count in ordered]
    tags = answer["tags"]["tagged"]["buckets"]
    gone, added = tags["tagged"]["doc_count"], tags["untagged"]["doc_count"]
    found += [Relabelling("tags", None, UNKNOWN_TAG, added)] if added else []
    found += [Relabelling("tags", UNKNOWN_TAG, None, gone)] if gone else []
    return found


def _conditions(catalogue: Catalogue) -> dict[str, Body]:
    """What can be wrong → the query for the documents in which it is."""
    coded = {a.name: (a, catalogue.enums[str(a.enum)]) for a in catalogue.of_type("code")}
    conditions = {name: _wrong_label(attribute, enum) for name, (attribute, enum) in coded.items()}
    action, actions = _action(catalogue)
    ids = [_all_of(_term(action.alias_of, v.code), _term("event.action", v.id)) for v in actions.values]
    foreign = _all_of(_regexp("event.action", _UNKNOWN_ID), _unknown(action, actions))
    conditions["event.action"] = _all_of(_exists(action.alias_of), _none_of(*ids, foreign))
    changes = _terms(action.alias_of, [v.code for v in actions.values if v.id in catalogue.state_change_actions])
    right = [
        _all_of(_term("ocs.message", "state_change"), changes),
        _all_of(_term("ocs.message", "activity"), _none_of(changes)),
    ]
    conditions["ocs.message"] = _all_of(_exists(action.alias_of), _none_of(*right))
    unknown = _any_of(*(_unknown(attribute, enum) for attribute, enum in coded.values()))
    known = _all_of(_any_of(*(_exists(a.alias_of) for a, _ in coded.values())), _none_of(unknown))
    conditions["tags"] = _any_of(_all_of(unknown, _none_of(_tagged())), _all_of(_tagged(), known))
    return conditions


def _wrong_label(attribute: Attribute, enum: Enum) -> Body:
    label = f"{attribute.target}.label"
    right = [_all_of(_term(attribute.alias_of, v.code), _term(label, v.label)) for v in enum.values]
    foreign = _all_of(_regexp(label, _UNKNOWN_LABEL), _unknown(attribute, enum))
    return _all_of(_exists(attribute.alias_of), _none_of(*right, foreign))


def _derived(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """What derives from one code: the condition's name, the field, and the field of the code."""
    for attribute in catalogue.of_type("code"):
        yield attribute.name, f"{attribute.target}.label", attribute.alias_of
    action, _ = _action(catalogue)
    yield "event.action", "event.action", action.alias_of
    yield "ocs.message", "ocs.message", action.alias_of


def _derive(catalogue: Catalogue, name: str, code: int) -> str:
    """What the pipeline writes into such a field for a code."""
    _, actions = _action(catalogue)
    if name == "event.action":
        return next((v.id for v in actions.values if v.code == code), f"unknown-{code}")
    if name == "ocs.message":
        changes = {v.code for v in actions.values if v.id in catalogue.state_change_actions}
        return "state_change" if code in changes else "activity"
    return catalogue.enums[str(catalogue.attributes[name].enum)].label(code)


def _action(catalogue: Catalogue) -> tuple[Attribute, Enum]:
    return next((a, catalogue.enums["action"]) for a in catalogue.of_type("code") if a.enum == "action")


def _unknown(attribute: Attribute, enum: Enum) -> Body:
    return _all_of(_exists(attribute.alias_of), _none_of(_terms(attribute.alias_of, [v.code for v in enum.values])))


def _tagged() -> Body:
    return _term("tags", UNKNOWN_TAG)


def _all_of(*queries: Body) -> Body:
    return {"bool": {"filter": list(queries)}}


def _any_of(*queries: Body) -> Body:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _none_of(*queries: Body) -> Body:
    return {"bool": {"must_not": list(queries)}}


def _term(field: str, value: int | str) -> Body:
    return {"term": {field: value}}


def _terms(field: str, values: list[int]) -> Body:
    return {"terms": {field: values}}


def _regexp(field: str, value: str) -> Body:
    return {"regexp": {field: value}}


def _exists(field: str) -> Body:
    return {"exists": {"field": field}}
