"""A cassette answers what was recorded, in its order, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.recorded.cassette import NAMESPACE, Answer, Cassette, Dates, Player, Request, Shelf, neutral, request_of

ABSENT, THERE, DONE = Answer(404, {}), Answer(200, {"there": True}), Answer(200, {"acknowledged": True})
LOOK = Request("GET", "/_ilm/policy/a", "-")
POLICY_A, POLICY_B = Request("PUT", "/_ilm/policy/a", "1"), Request("PUT", "/_ilm/policy/b", "2")
MAKE, START = Request("PUT", "/_transform/t", "3"), Request("POST", "/_transform/t/_start", "-")


@pytest.fixture
def cassette(tmp_path: Path) -> Cassette:
    """Two policies, then a transform that is made and started; as it is read back from its file."""
    made = Cassette()
    for request, answer in (
        (LOOK, ABSENT), (POLICY_B, DONE), (POLICY_A, DONE), (LOOK, THERE), (MAKE, DONE), (START, DONE), (LOOK, THERE),
    ):  # fmt: skip
        made.add(request, answer)
    shelf = Shelf(tmp_path / "elasticsearch-0.0.0")
    shelf.save("one", made)
    return shelf.load("one")


def played(cassette: Cassette, *requests: Request) -> Player:
    player = Player(cassette)
    for request in requests:
        player.answer(request, None)
    return player


def test_the_same_requests_get_the_same_answers(cassette: Cassette) -> None:
    player = Player(cassette)
    assert player.answer(LOOK, None) == ABSENT
    assert player.answer(POLICY_A, None) == DONE
    assert player.answer(POLICY_B, None) == DONE
    assert player.answer(LOOK, None) == THERE
    for request in (MAKE, START, LOOK):
        player.answer(request, None)
    assert (player.unused(), player.faults) == ([], [])


def test_writes_of_one_kind_may_come_in_any_order(cassette: Cassette) -> None:
    assert played(cassette, LOOK, POLICY_B, POLICY_A, LOOK, MAKE, START, LOOK).unused() == []


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([Request("GET", "/_ilm/policy/c", "-")], id="bad_unknown_read"),
        pytest.param([Request("PUT", "/_ilm/policy/c", "1")], id="bad_unknown_write"),
        pytest.param([Request("PUT", "/_ilm/policy/a", "9")], id="bad_other_body"),
        pytest.param([MAKE], id="bad_kind_before_its_time"),
        pytest.param([POLICY_A, MAKE], id="bad_kind_before_the_other_is_done"),
        pytest.param([POLICY_A, POLICY_B, START], id="bad_order_of_one_resource"),
        pytest.param([POLICY_A, POLICY_A], id="bad_second_time"),
        pytest.param([LOOK, LOOK, LOOK], id="bad_read_before_its_time"),
        pytest.param([LOOK, POLICY_A, POLICY_B, LOOK, MAKE, START, LOOK, LOOK], id="bad_one_read_too_many"),
    ],
)
def test_anything_else_is_a_fault(cassette: Cassette, requests: list[Request]) -> None:
    """It is raised, and kept, since the toolkit may survive what is raised."""
    player = Player(cassette)
    for request in requests[:-1]:
        player.answer(request, None)
    with pytest.raises(AssertionError) as raised:
        player.answer(requests[-1], None)
    assert player.faults == [str(raised.value)]


def test_what_is_not_asked_is_named(cassette: Cassette) -> None:
    assert played(cassette, LOOK, POLICY_A, POLICY_B).unused() == [f"{LOOK} (2 times)", str(MAKE), str(START)]


def test_answers_that_no_cassette_has_any_more_go(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for answer in (ABSENT, THERE):
        recorded = Cassette()
        recorded.add(LOOK, answer)
        shelf.save("one", recorded)
    assert list(json.loads((tmp_path / Shelf.ANSWERS).read_text(encoding="utf-8")).values()) == [THERE.body]


def test_a_release_and_the_holder_of_a_lock_make_no_other_request() -> None:
    one, other = ({"_meta": {"toolkit_version": version, "schema": 1}} for version in ("1", "2"))
    asked = [request_of("PUT", "/_transform/t?b=2&a=1", json.dumps(body).encode()) for body in (one, other)]
    assert asked[0] == asked[1]
    assert asked[0].path == "/_transform/t?a=1&b=2"
    assert request_of("PUT", "/ocs-elastic-state/_doc/lock", b'{"owner": "o"}').body == "state"
    assert request_of("PUT", "/ocs-elastic-state/_doc/kibana-n", b'{"owner": "o"}').body not in ("state", "-")


def test_nothing_of_the_machine_is_kept() -> None:
    about = {"name": "n", "cluster_name": "c", "cluster_uuid": "u", "version": {"number": "8.3.3", "build_flavor": "d"}}
    kept = neutral(Request("GET", "/", "-"), Answer(200, about)).body
    assert (kept["name"], kept["cluster_name"], kept["cluster_uuid"]) == ("elasticsearch", "elasticsearch", NAMESPACE)
    index = neutral(LOOK, Answer(200, {"i": {"settings": {"uuid": "u", "creation_date": "7", "refresh": "5s"}}})).body
    assert index == {"i": {"settings": {"uuid": NAMESPACE, "creation_date": "0", "refresh": "5s"}}}


def test_the_day_of_recording_is_hidden_and_the_server_is_asked_by_its_own_names() -> None:
    dates, real = Dates(), f'"/.ds-ocs-campaign-groups-{NAMESPACE}-2026.11.23-000001"'
    hidden = dates.hide(real)
    assert "2026" not in hidden
    assert dates.restore(hidden) == real
    made = f"ocs-campaign-groups-{NAMESPACE}-v1000-"
    assert dates.restore(f"{made}2000.01.01-000001") == f"{made}2026.11.23-000001", "named before the server knows it"


def test_both_supported_generations_are_recorded() -> None:
    folder = Path(__file__).with_name("cassettes")
    assert sorted(path.name for path in folder.iterdir()) == ["elasticsearch-8.17.2", "elasticsearch-8.3.3"]
    size = sum(path.stat().st_size for path in folder.rglob("*.json"))
    assert size < 900_000, "answers are kept once each: pipelines, mappings and lists of a whole kind are most of it"
