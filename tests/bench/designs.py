"""Other ways from a message to a document, that ours is measured against. All end in the same fields as ours does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from elasticsearch import NotFoundError

from tests.bench.bench import Bench
from toolkit.catalogue import Attribute, Catalogue
from toolkit.model import Body

PREFIX = "ocs-bench"
"""Begins the name of everything that a benchmark makes by hand, so that it can be removed."""

_RAW = {
    "keyword": {"type": "keyword", "ignore_above": 1024},
    "code": {"type": "integer"},
    "integer": {"type": "integer"},
    "number": {"type": "float"},
    "timestamp": {"type": "date", "format": "epoch_second"},
}
"""What an administrator would give OCS's attributes, as they come: types that fit, and nothing else."""


def raw_mappings(catalogue: Catalogue) -> Body:
    """An explicit mapping for messages as OCS sends them."""
    fields: Body = {attribute.name: _RAW[attribute.type] for attribute in catalogue.attributes.values()}
    figures = {a.name: _RAW["number"] for a in catalogue.attributes.values() if a.calling_list}
    fields["GSW_CALLING_LISTS"] = {"properties": {"GSW_CALLING_LIST_NAME": _RAW["keyword"], **figures}}
    return {"dynamic": False, "properties": fields}


def constant() -> Body:
    """The least that a pipeline can do: what any pipeline costs."""
    return {"processors": [{"set": {"field": "event.kind", "value": "event"}}]}


def chain(catalogue: Catalogue) -> Body:
    """One processor a step, as most people write it: rename, convert, date, and a script for each enum's label."""
    return {"processors": [*_common(catalogue), *_labels_by_script(catalogue), *_ends(catalogue)]}


def conditions(catalogue: Catalogue) -> Body:
    """The same without scripts: a `set` under a condition for every value of every enum."""
    return {"processors": [*_common(catalogue), *_labels_by_condition(catalogue), *_ends(catalogue)]}


def make(bench: Bench, name: str, body: Body, pipeline: Body | None = None) -> None:
    """Make an index anew, and its default pipeline, named as it is.

    Args:
        bench: where.
        name: begins with `PREFIX`.
        body: of the index, as a request would make it.
        pipeline: None: the index has none.
    """
    bench.ask("DELETE", f"/{name}", ignore_unavailable="true")
    if pipeline:
        bench.ask("PUT", f"/_ingest/pipeline/{name}", pipeline)
        body = {**body, "settings": {**body.get("settings", {}), "index.default_pipeline": name}}
    bench.ask("PUT", f"/{name}", body)


def remove_all(bench: Bench) -> None:
    """Remove whatever a run, or one that was interrupted, has left."""
    for name in bench.ask("GET", f"/{PREFIX}-*", expand_wildcards="all"):
        bench.ask("DELETE", f"/{name}")
    with suppress(NotFoundError):  # there was none
        bench.ask("DELETE", f"/_ingest/pipeline/{PREFIX}-*")


def _common(catalogue: Catalogue) -> Iterator[Body]:
    for attribute in catalogue.attributes.values():
        if attribute.type == "timestamp":
            yield {"date": {"field": attribute.name, "formats": ["UNIX"], "target_field": "@timestamp"}}
            yield {"remove": {"field": attribute.name}}
            continue
        target = attribute.target + (".code" if attribute.type == "code" else "")
        yield {"rename": {"field": attribute.name, "target_field": target, "ignore_missing": True}}
        if attribute.type in ("code", "integer"):
            yield {"convert": {"field": target, "type": "integer", "ignore_missing": True}}
        if attribute.type == "number":
            yield {"convert": {"field": target, "type": "float", "ignore_missing": True}}
    yield {"rename": {"field": "GSW_CALLING_LISTS", "target_field": "ocs.calling_lists", "ignore_missing": True}}
    names = {a.name: str(a.calling_list) for a in catalogue.attributes.values() if a.calling_list}
    renamed = {catalogue.calling_lists.names[0]: "name", **names}
    each = [
        {"rename": {"field": f"_ingest._value.{old}", "target_field": f"_ingest._value.{new}", "ignore_missing": True}}
        for old, new in renamed.items()
    ]
    for processor in each:
        yield {"foreach": {"field": "ocs.calling_lists", "ignore_missing": True, "processor": processor}}


def _codes(catalogue: Catalogue) -> Iterator[tuple[Attribute, dict[int, str]]]:
    for attribute in catalogue.of_type("code"):
        yield attribute, {value.code: value.label for value in catalogue.enums[str(attribute.enum)].values}


def _ids(catalogue: Catalogue) -> dict[int, str]:
    return {value.code: value.id for value in catalogue.enums["action"].values}


def _labels_by_script(catalogue: Catalogue) -> Iterator[Body]:
    for attribute, labels in _codes(catalogue):
        *parents, leaf = attribute.target.split(".")
        parent = "ctx" + "".join(f"?.{part}" for part in parents)
        action = "ctx.event = ['action': params.ids[code]];" if attribute.enum == "action" else ""
        yield {
            "script": {
                "if": f"{parent}?.{leaf} != null",
                "source": f"def coded = {parent}.{leaf}; String code = coded.code.toString(); "
                f"coded.label = params.labels[code]; {action}",
                "params": {
                    "labels": {str(code): label for code, label in labels.items()},
                    "ids": {str(code): id_ for code, id_ in _ids(catalogue).items()},
                },
            }
        }


def _labels_by_condition(catalogue: Catalogue) -> Iterator[Body]:
    for attribute, labels in _codes(catalogue):
        code_of = "ctx." + "?.".join(attribute.target.split(".")) + "?.code"
        for code, label in labels.items():
            condition = f"{code_of} == {code}"
            yield {"set": {"if": condition, "field": f"{attribute.target}.label", "value": label}}
            if attribute.enum == "action":
                yield {"set": {"if": condition, "field": "event.action", "value": _ids(catalogue)[code]}}


def _ends(catalogue: Catalogue) -> Iterator[Body]:
    yield {"set": {"field": "event.kind", "value": "event"}}
    yield {"set": {"field": "event.dataset", "value": "ocs.campaign_group"}}
    yield {"set": {"field": "event.ingested", "value": "{{{_ingest.timestamp}}}"}}
    yield {"set": {"field": "ocs.schema", "value": catalogue.schema}}
    yield {"set": {"field": "ocs.message", "value": "activity"}}
    changes = [code for code, id_ in _ids(catalogue).items() if id_ in catalogue.state_change_actions]
    condition = f"ctx.ocs?.action?.code != null && {changes}.contains(ctx.ocs.action.code)"
    yield {"set": {"if": condition, "field": "ocs.message", "value": "state_change"}}
