"""`ocs-elastic failures`: which messages are meant, and how many are asked for at once."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.cli.failures import _selection
from toolkit.errors import UsageError
from toolkit.questions.dead_letters import FAILED, dead_letters
from toolkit.uses.replay import Outcome, Replay, Waiting
from toolkit.uses.window import Window


class Letters:
    """As much of a transport as it takes: dead letters, each of its own millisecond."""

    def __init__(self, number: int, length: int) -> None:
        self.number, self.original = number, "x" * length
        self.asked: list[int] = []

    def post(self, _path: str, body: dict[str, Any], params: dict[str, str]) -> Any:
        assert params == {"allow_partial_search_results": "false"}
        self.asked.append(body["size"])
        begin = 0
        for each in body["query"]["bool"]["filter"][1:]:
            begin = each["bool"]["filter"][0]["range"]["@timestamp"]["gte"] + 1
        hits = [self._hit(i) for i in range(begin, min(self.number, begin + body["size"]))]
        return {"hits": {"hits": hits}}

    def _hit(self, i: int) -> dict[str, Any]:
        came = Window.iso(i)
        about = {"_index": "an-index", "_id": str(i), "_seq_no": i, "_primary_term": 1, "sort": [i]}
        return {**about, "_source": {"event": {"original": self.original}}, "fields": {"@timestamp": [came]}}


@pytest.mark.parametrize(
    ("length", "asked"),
    [(500, [10, 100, 100, 100]), (1_000_000, [10, *[24] * 8]), (30_000_000, [10, *[1] * 191])],
)
def test_of_long_messages_few_are_asked_for_at_once(length: int, asked: list[int]) -> None:
    """A hundred of 5 MB are more than servers, and this program, should have to hold."""
    server = Letters(200, length)
    found = [letter.id for page in dead_letters(server, "a-stream", {}) for letter in page]  # type: ignore[arg-type]
    assert found == [str(i) for i in range(200)]
    assert server.asked[: len(asked)] == asked


@pytest.mark.parametrize(
    ("start", "end", "last", "from_", "before"),
    [
        (None, "2026-11-01", None, "1971-01-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
        ("2020-01-01", "2026-11-01", None, "2020-01-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
        (None, "2026-11-01", "800d", "2024-08-23T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
        (None, "2026-11-01", "999999w", "1971-01-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
    ],
)
def test_any_length_of_time_can_be_asked_for(
    start: str | None, end: str, last: str | None, from_: str, before: str
) -> None:
    """A report covers a year at most, and so dead letters before a time could not be asked for at all."""
    found = _selection((), None, last, start, end)
    assert found.from_ms is not None
    assert found.before_ms is not None
    assert (Window.iso(found.from_ms), Window.iso(found.before_ms)) == (from_, before)


def test_a_reason_that_list_has_cut_short_can_be_given_as_it_stands_there() -> None:
    assert _selection((), "broken by…", None, None, None).reason == "broken by"


@pytest.mark.parametrize(("ids", "reason"), [((), ""), ((), "…"), (("a", ""), None)])
def test_bad_empty_text(ids: tuple[str, ...], reason: str | None) -> None:
    with pytest.raises(UsageError, match="an empty text names nothing"):
        _selection(ids, reason, None, None, None)


def test_reasons_of_which_each_names_its_document_are_counted_together_in_the_end() -> None:
    """Elasticsearch's mapper writes the document's id into its reason, so that memory grew with the messages."""
    done, message = Replay(3000), Waiting("index", "id", "{}")
    for number in range(3000):
        done.add([Outcome(message, FAILED, reason=f"failed to parse field in document with id '{number}'")])
    done.add([Outcome(message, FAILED, reason="failed to parse field in document with id '0'")])
    assert (len(done.failed), done.failed.total(), done.failed["other reasons"]) == (1001, 3001, 2000)
    assert done.failed["failed to parse field in document with id '0'"] == 2
