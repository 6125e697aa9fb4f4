"""The relabel pipeline does to a stored document what the main one would have done, and one query finds where."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from tests.engine.test_pipeline import CASES, SCRIPT_REFUSES, comparable, golden_of, message_of
from tests.found import CATALOGUE
from tests.running import Engine
from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, Enum, EnumValue
from toolkit.config import Settings
from toolkit.kinds.ingest_pipeline import PIPELINE, RELABEL_PIPELINE
from toolkit.labels import breakdown, outdated, relabellings
from toolkit.load import variables
from toolkit.model import Body
from toolkit.render import Renderer
from toolkit.resources import data_folder
from toolkit.tables import mapping_properties


def other_words(catalogue: Catalogue) -> Catalogue:
    """Labels changed, two of them swapped, one that looks unknown, and another idea of a state change."""
    words = {
        "state": {"running": "Läuft", "active": "Inactive", "inactive": "Active"},
        "action": {"start-dialing": "Wählen", "unknown-message": "Unknown (nothing)"},
        "dial_mode": {"predictive": "Predictive (GVP)", "predictive-gvp": "Predictive"},
    }
    return catalogue.with_labels(words).with_state_change_actions(["load", "unknown-message", "ev-error"])


def other_codes(catalogue: Catalogue) -> Catalogue:
    """Every enum has lost its first and its last value and gained 99."""

    def changed(enum: Enum) -> Enum:
        new = EnumValue(99, f"new-{enum.name.replace('_', '-')}", None, "Brand new", "#000000")
        return replace(enum, values=(*enum.values[1:-1], new))

    return replace(catalogue, enums={name: changed(enum) for name, enum in catalogue.enums.items()})


CATALOGUES = {
    "shipped": CATALOGUE,
    "words": other_words(CATALOGUE),
    "codes": other_codes(CATALOGUE),
    "both": other_codes(other_words(CATALOGUE)),
}
CHANGES = list(permutations(CATALOGUES, 2))


def pipeline(name: str, catalogue: Catalogue, server: Capabilities) -> Body:
    root = data_folder("templates").parent
    return Renderer(root, variables(Settings(), server, catalogue)).body(f"ingest_pipelines/{name}.json.j2")


def simulated(engine: Engine, body: Body, sources: list[str]) -> list[Body]:
    """What a pipeline that is nowhere installed makes of documents, given as JSON."""
    documents = ", ".join(f'{{"_index": "ocs-campaign-groups-x", "_source": {source}}}' for source in sources)
    request = f'{{"pipeline": {json.dumps(body)}, "docs": [{documents}]}}'
    answer = engine.transport.post("/_ingest/pipeline/_simulate", request)
    return [document["doc"]["_source"] for document in answer["docs"]]


def main(engine: Engine, catalogue: Catalogue, messages: list[str]) -> list[Body]:
    return simulated(engine, pipeline(PIPELINE, catalogue, engine.server), messages)


def relabelled(engine: Engine, catalogue: Catalogue, documents: list[Body]) -> list[Body]:
    sources = [json.dumps(document) for document in documents]
    return simulated(engine, pipeline(RELABEL_PIPELINE, catalogue, engine.server), sources)


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """Every golden message that becomes a document, and 300 with codes of all sorts.

    Not those with integers of 2^63 or more, which `_simulate` refuses on every engine; `test_relabel` has them.
    """
    golden = [message_of(case) for case in CASES if "document" in golden_of(case) and case not in SCRIPT_REFUSES]
    return golden + [json.dumps(message) for message in _of_all_codes(300)]


def _of_all_codes(count: int) -> Iterator[Body]:
    draw = random.Random(7)
    for number in range(count):
        message: Body = {"GSW_CAMPAIGN_GROUP_GUID": f"g{number}", "GSW_DATE_TIME": "1524765180.123"}
        for attribute in CATALOGUE.of_type("code"):
            known = [value.code for value in CATALOGUE.enums[str(attribute.enum)].values]
            code = draw.choice([None, draw.choice(known), draw.choice(known), draw.choice([99, 98, -7, 2147483647])])
            message |= {} if code is None else {attribute.name: code}
        yield message


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_relabelled_is_what_the_main_pipeline_would_have_written(
    engine: Engine, messages: list[str], before: str, after: str
) -> None:
    stored = main(engine, CATALOGUES[before], messages)
    found = relabelled(engine, CATALOGUES[after], stored)
    wanted = main(engine, CATALOGUES[after], messages)
    assert [comparable(document) for document in found] == [comparable(document) for document in wanted]
    assert found != stored


@pytest.mark.parametrize("name", CATALOGUES)
def test_what_is_right_already_stays_to_the_letter(engine: Engine, messages: list[str], name: str) -> None:
    stored = main(engine, CATALOGUES[name], messages)
    assert relabelled(engine, CATALOGUES[name], stored) == stored


def test_a_document_without_codes_is_left_alone_whatever_it_holds(engine: Engine) -> None:
    odd: list[Body] = [
        {"a": 1, "tags": ["ocs_unknown_code"]},
        {"ocs": "text", "event": {"action": "x"}},
        {"ocs": {"action": {"code": "9", "label": "Nine"}, "campaign_group": {"state": 5}, "message": "activity"}},
        {"ocs": {"actor": {"label": "Nobody"}}, "tags": "mine"},
    ]
    assert relabelled(engine, CATALOGUE, odd) == odd


def test_an_operators_own_tags_stay(engine: Engine) -> None:
    actor = {"code": 3, "label": "Self"}
    for tags, wanted in (
        ("mine", ["mine"]),
        (["a", "ocs_unknown_code", "b"], ["a", "b"]),
        (["ocs_unknown_code"], None),
    ):
        (found,) = relabelled(engine, CATALOGUE, [{"ocs": {"actor": actor}, "tags": tags}])
        assert found.get("tags") == wanted
        assert found["ocs"] == {"actor": actor}


@pytest.fixture(scope="module")
def stored(engine: Engine, messages: list[str]) -> Iterator[tuple[str, dict[str, Body]]]:
    """An index with the documents of every catalogue, which the next one finds right or wrong."""
    index = f"test-labels-{secrets.token_hex(4)}"
    mappings = {"dynamic": False, "properties": mapping_properties(CATALOGUE)}
    engine.transport.put(f"/{index}", {"mappings": mappings})
    documents = {
        f"{name}-{i}": document
        for name, catalogue in CATALOGUES.items()
        for i, document in enumerate(main(engine, catalogue, messages))
    }
    lines = [line for id_, source in documents.items() for line in ({"create": {"_id": id_}}, source)]
    bulk = "".join(json.dumps(line) + "\n" for line in lines)
    answer = engine.transport.post(f"/{index}/_bulk", bulk, params={"refresh": "true", "pipeline": "_none"})
    assert not answer["errors"]
    yield index, documents
    engine.transport.delete(f"/{index}")


@pytest.mark.parametrize("name", CATALOGUES)
def test_the_query_finds_exactly_what_relabelling_changes(
    engine: Engine, stored: tuple[str, dict[str, Body]], name: str
) -> None:
    index, documents = stored
    catalogue = CATALOGUES[name]
    made = relabelled(engine, catalogue, list(documents.values()))
    wrong = {id_ for (id_, before), after in zip(documents.items(), made, strict=True) if before != after}
    query = {"size": 10_000, "_source": False, "query": outdated(catalogue), "aggs": breakdown(catalogue)}
    answer = engine.transport.post(f"/{index}/_search", query)
    assert {hit["_id"] for hit in answer["hits"]["hits"]} == wrong
    assert wrong
    assert wrong != documents.keys()
    assert _counted(zip(documents.values(), made, strict=True)) == {
        (change.field, change.before, change.after): change.documents
        for change in relabellings(catalogue, answer["aggregations"])
    }


def _counted(pairs: Any) -> dict[tuple[str, str | None, str | None], int]:
    """Which field changed from what to what, counted by comparing the documents themselves."""
    fields = [*(f"{a.target}.label" for a in CATALOGUE.of_type("code")), "event.action", "ocs.message"]
    found: dict[tuple[str, str | None, str | None], int] = {}
    for before, after in pairs:
        changes: list[Any] = [(field, _at(before, field), _at(after, field)) for field in fields]
        tag = "ocs_unknown_code"
        changes.append(("tags", *(tag if tag in document.get("tags", []) else None for document in (before, after))))
        for change in changes:
            if change[1] != change[2]:
                found[change] = found.get(change, 0) + 1
    return found


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = (document or {}).get(step)
    return document
