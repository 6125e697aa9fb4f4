"""What becomes of messages: one golden document a case, on whatever engine is there, and on those that were."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.found import missing
from tests.running import Stream
from toolkit.canonical import checksum
from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.load import desired

GOLDEN = Path(__file__).parents[1] / "golden" / "pipeline"
CASES = sorted(path.name for path in (GOLDEN / "cases").iterdir())
RECORDED = sorted((GOLDEN / "recorded").glob("*.json"))

SCRIPT_REFUSES = {"code-beyond-64-bits", "unknown-beyond-64-bits"}
"""OpenSearch's script processor refuses integers of 2^63 and more; Elasticsearch's does not."""


def message_of(case: str) -> str:
    return (GOLDEN / "cases" / case / "message.json").read_text(encoding="utf-8").strip()


def golden_of(case: str) -> Any:
    return json.loads((GOLDEN / "cases" / case / "document.json").read_text(encoding="utf-8"))


def pipeline_checksum() -> str:
    """Of what the pipeline does, whatever version of the toolkit wrote it."""
    (pipeline,) = [
        resource
        for resource in desired(Settings(), of_elasticsearch((8, 3, 3)))
        if (resource.kind, resource.name) == ("ingest_pipeline", "ocs-campaign-groups")
    ]
    return checksum({key: value for key, value in pipeline.body.items() if key != "_meta"})


def outcome(stream: Stream, body: str) -> dict[str, Any]:
    """Where a message went, and as what; the engine's clock and order are taken out."""
    status, answer = stream.post(body)
    if status != 201:
        return {"status": status, "reason": answer["error"]["reason"]}
    kind = "dead letter" if "ocs-dead-letters-" in answer["_index"] else "document"
    return {kind: comparable(stream.fetch(answer))}


def comparable(source: dict[str, Any]) -> dict[str, Any]:
    for holder, key in ((source, "@timestamp"), (source["event"], "ingested")):
        moment = datetime.fromisoformat(re.sub(r"\.(\d{3})\d*", r".\1", holder[key]))
        if abs((datetime.now(UTC) - moment).total_seconds()) < 3600:
            holder[key] = "<ingest time>"
    if "original" in source["event"]:
        source["event"]["original"] = json.loads(source["event"]["original"])
    if "calling_lists" in source.get("ocs", {}):  # their order is that of the engine's own maps
        source["ocs"]["calling_lists"].sort(key=json.dumps)
    return source


@pytest.mark.parametrize("case", CASES)
def test_a_message_becomes_its_golden_document(stream: Stream, case: str, update: bool) -> None:
    result = outcome(stream, message_of(case))
    opensearch = stream.engine.server.distribution == "opensearch"
    if opensearch and case in SCRIPT_REFUSES:
        _dead_letter_by_the_last_net(result, case)
        return
    file = GOLDEN / "cases" / case / "document.json"
    if update:
        file.write_text(json.dumps(result, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert result == golden_of(case)


def _dead_letter_by_the_last_net(result: dict[str, Any], case: str) -> None:
    letter = result["dead letter"]
    assert letter["error"]["message"] == "unexpected value type [class java.math.BigInteger]"
    assert missing(json.loads(message_of(case)), {"event": {"original": json.dumps(letter["event"]["original"])}}) == []


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_golden_message_is_lost(case: str) -> None:
    golden = golden_of(case)
    source = golden.get("document") or golden["dead letter"]
    if "original" in source["event"]:
        source["event"]["original"] = json.dumps(source["event"]["original"])
    if source["@timestamp"] == "<ingest time>":
        source["@timestamp"] = "2000-01-01T00:00:00.000Z"
    assert missing(json.loads(message_of(case)), source) == []


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_a_real_elasticsearch_gave_the_golden_documents(file: Path) -> None:
    """Its painless cannot run in CI, so its answers are recorded; a changed pipeline asks for new ones."""
    recorded = json.loads(file.read_text(encoding="utf-8"))
    assert recorded["pipeline"] == pipeline_checksum(), (
        "the pipeline has changed since: record anew with TEST_ELASTICSEARCH_URL=... pytest tests/engine --record"
    )
    assert recorded["outcomes"].keys() == set(CASES)
    for case in CASES:
        assert recorded["outcomes"][case] == golden_of(case), case


def test_both_supported_generations_are_recorded() -> None:
    assert [file.stem for file in RECORDED] == ["elasticsearch-8.17.2", "elasticsearch-8.3.3"]


def test_record(stream: Stream, request: pytest.FixtureRequest) -> None:
    """With --record, keeps what this engine makes of every case."""
    if not request.config.getoption("--record"):
        pytest.skip("needs --record, and TEST_ELASTICSEARCH_URL of a real Elasticsearch")
    server = stream.engine.server
    assert server.distribution == "elasticsearch", "only a real Elasticsearch is worth recording"
    recorded = {
        "server": str(server),
        "recorded": datetime.now(UTC).date().isoformat(),
        "pipeline": pipeline_checksum(),
        "outcomes": {case: outcome(stream, message_of(case)) for case in CASES},
    }
    name = str(server).replace(" ", "-")
    text = json.dumps(recorded, ensure_ascii=False, indent=1, sort_keys=True)
    (GOLDEN / "recorded" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
