"""What has to happen to a saved object, in every state that it can be found in."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from toolkit.canonical import checksum
from toolkit.dashboards.drift import Drift, anew, drifts, edited
from toolkit.dashboards.record import Record, Row, exported
from toolkit.dashboards.saved_object import SavedObject, embed, ndjson, normalize, object_id
from toolkit.plan import differences

ID = object_id("state", "default", "team")
NOW, LATER = "2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00.000Z"


def saved(title: str = "A", *, id_: str = ID) -> SavedObject:
    body = {
        "type": "dashboard",
        "id": id_,
        "attributes": {"title": "State", "panelsJSON": embed([{"title": title}])},
        "references": [{"type": "tag", "id": "t", "name": "b"}, {"type": "tag", "id": "t", "name": "a"}],
        "migrationVersion": {"dashboard": "8.3.0"},
        "coreMigrationVersion": "8.3.0",
    }
    return SavedObject("dashboard", id_, "State", body, "dashboards/state.yml")


def live(wanted: SavedObject, *, updated_at: str = NOW, **attributes: Any) -> dict[str, Any]:
    """As Kibana gives it back: other versions, and times of its own."""
    body = copy.deepcopy(wanted.body)
    body["attributes"] |= attributes
    return {**body, "coreMigrationVersion": "8.8.0", "updated_at": updated_at, "version": "W", "managed": False}


def recorded(wanted: SavedObject, body: dict[str, Any], **more: Any) -> Record:
    row = Row(
        title=wanted.title,
        desired=checksum(normalize(wanted.body)),
        exported=exported(normalize(body)),
        updated_at=body["updated_at"],
        kibana="8.3.3",
        **more,
    )
    return Record("default", "team", {wanted.key: row})


def found(
    wanted: SavedObject | None,
    body: dict[str, Any] | None,
    record: Record | None = None,
    version: str = "8.3.3",
    *,
    overwrite: bool = False,
) -> list[Drift]:
    there = {} if body is None else {("dashboard", ID): body}
    desired = [wanted] if wanted else []
    return list(drifts(desired, there, record or Record("default", "team"), version, overwrite=overwrite))


def action(*args: Any, **options: Any) -> str | None:
    result = found(*args, **options)
    assert len(result) <= 1
    return result[0].action if result else None


OLD, NEW = saved("A"), saved("B")
DAYS_LATER = "2026-11-26T08:00:00.000Z"
UNDER_WAY: Any = {"under_way": True, "sent": checksum(normalize(NEW.body)), "until": "2026-11-23T09:30:00.000Z"}
MIGRATED = {"panelsJSON": embed([{"title": "A", "new": 1}])}
BY_HAND = {"panelsJSON": embed([{"title": "mine"}])}


def test_absent() -> None:
    assert action(OLD, None) == "create"
    assert action(OLD, None, recorded(OLD, live(OLD))) == "create", "somebody deleted it"


def test_as_desired() -> None:
    assert action(OLD, live(OLD)) is None, "without a record too"
    assert action(OLD, live(OLD), recorded(OLD, live(OLD))) is None
    assert action(OLD, live(OLD, updated_at=LATER), recorded(OLD, live(OLD))) is None, "saved, but nothing changed"


def test_not_ours() -> None:
    assert action(OLD, live(OLD, **BY_HAND)) == "adopt"
    assert action(OLD, live(OLD, **BY_HAND), overwrite=True) == "adopt", "that takes --adopt"


def test_an_import_that_was_not_seen_to_end_is_done_again() -> None:
    for migrated, body in ({}, live(NEW, updated_at=LATER)), (MIGRATED, live(NEW, updated_at=LATER, **MIGRATED)):
        record = recorded(OLD, live(OLD, **migrated), **UNDER_WAY)
        (drift,) = found(NEW, body, record)
        assert (drift.action, drift.wanted) == ("update", NEW)
        assert "interrupted" in drift.meaning
    assert action(NEW, None, record) == "create"
    first = Record("default", "team", {NEW.key: Row("State", "", **UNDER_WAY)})
    assert action(NEW, live(NEW), first) == "update"
    assert action(NEW, None, first) == "create"


def test_what_was_changed_by_hand_after_an_import_that_never_came_about_stays() -> None:
    """Kibana was away, the rows stayed under way, and days later somebody edited a dashboard: it was overwritten."""
    record = recorded(OLD, live(OLD), **UNDER_WAY)
    assert action(NEW, live(OLD, updated_at=LATER, **BY_HAND), record) == "edited", "this Kibana changes no import"
    migrating = recorded(OLD, live(OLD, **MIGRATED), **UNDER_WAY)
    assert action(NEW, live(OLD, updated_at=LATER, **BY_HAND), migrating) == "update", "who can tell, at that time"
    assert action(NEW, live(OLD, updated_at=DAYS_LATER, **BY_HAND), migrating) == "edited"
    assert action(NEW, live(NEW, updated_at=DAYS_LATER), migrating) == "update", "it is what was sent"


def test_an_import_that_never_came_about_left_what_was_there() -> None:
    record = recorded(OLD, live(OLD), **UNDER_WAY)
    (drift,) = found(NEW, live(OLD), record)
    assert (drift.action, drift.meaning) == ("update", "")
    assert action(OLD, live(OLD), record) is None


def test_desired_changed() -> None:
    (drift,) = found(NEW, live(OLD), recorded(OLD, live(OLD)))
    assert (drift.action, drift.wanted) == ("update", NEW)
    (leaf,) = differences(drift.before, drift.after)
    assert (leaf.path, leaf.before, leaf.after) == ("attributes.panelsJSON[0].title", "A", "B")


def test_kibana_migrated_it_when_it_was_imported() -> None:
    body = live(OLD, **MIGRATED)
    assert action(OLD, body, recorded(OLD, body)) is None
    assert action(NEW, body, recorded(OLD, body)) == "update"


def test_kibana_migrated_it_later() -> None:
    record = recorded(OLD, live(OLD))
    assert action(OLD, live(OLD, **MIGRATED), record, "8.12.2") is None
    assert action(NEW, live(OLD, **MIGRATED), record, "8.12.2") == "update"


@pytest.mark.parametrize("version", ["8.3.3", "8.12.2"])
def test_edited_by_hand(version: str) -> None:
    record = recorded(OLD, live(OLD))
    body = live(OLD, updated_at=LATER, **BY_HAND)
    (drift,) = found(OLD, body, record, version)
    assert (drift.action, drift.wanted) == ("edited", None)
    (leaf,) = differences(drift.before, drift.after)
    assert (leaf.path, leaf.before, leaf.after) == ("attributes.panelsJSON[0].title", "A", "mine")
    assert action(NEW, body, record, version) == "edited", "a new version of ours does not overwrite it either"
    (drift,) = found(NEW, body, record, version, overwrite=True)
    assert (drift.action, drift.wanted) == ("update", NEW)
    assert "lost" in drift.meaning


def test_only_the_edit_is_named_where_kibana_migrated_it_before() -> None:
    record = recorded(OLD, live(OLD, **MIGRATED))
    edit = {"panelsJSON": embed([{"title": "mine", "new": 1}])}
    (drift,) = found(OLD, live(OLD, updated_at=LATER, **edit), record)
    assert [leaf.path for leaf in differences(drift.before, drift.after)] == ["attributes.panelsJSON[0].title"]


def test_changed_behind_kibanas_back_counts_as_by_hand() -> None:
    assert action(OLD, live(OLD, **BY_HAND), recorded(OLD, live(OLD))) == "edited"


def test_no_longer_desired() -> None:
    record = recorded(OLD, live(OLD))
    assert action(None, live(OLD), record) == "delete"
    assert action(None, None, record) is None
    mine = live(OLD, updated_at=LATER, **BY_HAND)
    assert action(None, mine, record) == "edited"
    assert action(None, mine, record, overwrite=True) == "delete"
    assert action(None, live(OLD)) is None, "what was not imported is not ours to delete"


def test_deletions_come_last_and_dashboards_before_what_they_show() -> None:
    tag = SavedObject("tag", "t", "t", {"type": "tag", "id": "t", "attributes": {}, "references": []}, "")
    rows = {tag.key: Row("t", ""), OLD.key: Row("State", "")}
    there = {tag.key: {**tag.body, "updated_at": None}, OLD.key: {**OLD.body, "updated_at": None}}
    rows = {key: Row("x", "", exported(normalize(there[key])), None, "8.3.3") for key in rows}
    other = saved(id_="ocs-other-default-team")
    actions = [(d.action, d.key) for d in drifts([other], there, Record("default", "team", rows), "8.3.3")]
    assert actions == [("create", other.key), ("delete", OLD.key), ("delete", tag.key)]


def test_edited_needs_what_was_recorded() -> None:
    assert not edited(live(OLD), Row("State", "", **UNDER_WAY), "8.3.3")


# What is recorded of them


def rows(wanted: SavedObject, body: dict[str, Any], record: Record, version: str = "8.3.3", **more: Any) -> Row | None:
    return anew(record, [wanted], {wanted.key: body}, version, **more).rows.get(wanted.key)


def test_what_holds_is_recorded_as_it_is() -> None:
    for record in (recorded(OLD, live(OLD)), recorded(OLD, live(OLD, **MIGRATED))):
        assert rows(OLD, live(OLD), recorded(OLD, live(OLD))) == recorded(OLD, live(OLD)).rows[OLD.key]
        assert rows(OLD, live(OLD, **MIGRATED), record, "8.12.2") == replace(
            recorded(OLD, live(OLD, **MIGRATED)).rows[OLD.key], kibana="8.12.2"
        )
    assert rows(OLD, live(OLD), Record("default", "team")) == recorded(OLD, live(OLD)).rows[OLD.key], "it was lost"
    assert rows(OLD, live(OLD), recorded(OLD, live(OLD), **UNDER_WAY)) == recorded(OLD, live(OLD)).rows[OLD.key]


def test_what_was_changed_by_hand_is_not_recorded() -> None:
    record, body = recorded(OLD, live(OLD)), live(OLD, updated_at=LATER, **BY_HAND)
    assert rows(OLD, body, record) == rows(NEW, body, record) == record.rows[OLD.key]
    assert rows(OLD, body, Record("default", "team")) is None, "nor is what was never ours"
    assert rows(OLD, body, record, done={OLD.key}) != record.rows[OLD.key]


def test_what_is_still_to_be_imported_is_not_recorded_as_if_it_were() -> None:
    record = recorded(OLD, live(OLD))
    assert rows(NEW, live(OLD), record) == record.rows[OLD.key]
    under_way = recorded(OLD, live(OLD, **MIGRATED), **UNDER_WAY)
    assert rows(NEW, live(NEW, updated_at=LATER, **MIGRATED), under_way) == under_way.rows[OLD.key]


def test_what_is_gone_is_forgotten_and_what_is_no_longer_desired_is_not() -> None:
    record = recorded(OLD, live(OLD))
    assert anew(record, [OLD], {}, "8.3.3").rows == {}
    assert anew(record, [], {}, "8.3.3").rows == {}
    assert anew(record, [], {OLD.key: live(OLD)}, "8.3.3").rows == record.rows


# How bodies compare


def test_normalize_leaves_out_what_only_kibana_writes() -> None:
    assert normalize(live(OLD, updated_at=LATER)) == normalize(OLD.body)
    assert normalize({**live(OLD), "created_at": NOW, "originId": "o", "namespaces": ["team"], "created_by": "u"}) == (
        normalize(OLD.body)
    )


def test_normalize_sees_every_other_leaf() -> None:
    other = copy.deepcopy(OLD.body)
    other["references"][0]["id"] = "u"
    assert normalize(other) != normalize(OLD.body)
    assert normalize(live(OLD, title="Other")) != normalize(OLD.body)
    assert normalize(live(OLD, extra=None)) != normalize(OLD.body)


def test_formatting_of_embedded_json_and_order_of_references_mean_nothing() -> None:
    other = live(OLD, panelsJSON='[ { "title" : "A" } ]')
    other["references"].reverse()
    assert normalize(other) == normalize(OLD.body)


def test_counts_of_a_data_view_mean_nothing() -> None:
    def view(**attributes: Any) -> dict[str, Any]:
        return normalize({"type": "index-pattern", "id": "v", "attributes": {"title": "t", **attributes}})

    assert view() == view(fieldAttrs=embed({"a": {"count": 3}})) == view(fieldAttrs="{}")
    label = embed({"a": {"customLabel": "A"}})
    assert view(fieldAttrs=embed({"a": {"count": 3, "customLabel": "A"}})) == view(fieldAttrs=label) != view()


def test_equal_objects_give_equal_bytes_one_a_line() -> None:
    one = ndjson([OLD, NEW])
    assert one == ndjson([saved("A"), saved("B")])
    assert one.count(b"\n") == 2
    assert one.endswith(b"\n")
