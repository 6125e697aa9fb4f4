"""Each difference of an index in its class, with what it means for documents."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.capabilities import of_elasticsearch, of_opensearch
from toolkit.change_class import (
    IMPOSSIBLE,
    MAPPING,
    REBUILD,
    REINDEX,
    ROLLOVER,
    SETTINGS,
    Classed,
    of_latest_state,
    of_stream,
)
from toolkit.config import Settings
from toolkit.index_difference import difference
from toolkit.live import Live, Stream
from toolkit.load import desired
from toolkit.model import Body
from toolkit.output.plan import plan_markdown, plan_text
from toolkit.plan import Change, make_plan

NAME = "ocs-campaign-groups-default"
ELASTICSEARCH, OPENSEARCH = of_elasticsearch((8, 17, 2)), of_opensearch((3, 6, 0))


def body(settings: Body | None = None, **properties: Any) -> Body:
    """An index, or what is asked of one; fields by their type, or whole."""
    fields = {name: {"type": field} if isinstance(field, str) else field for name, field in properties.items()}
    return {
        "settings": {f"index.{key}": value for key, value in (settings or {}).items()},
        "mappings": {"properties": fields},
    }


def behind(write: Body, **older: Body) -> Stream:
    return Stream("w", write, False, older)


def classed(wanted: Body, stream: Stream, *, older_indices: bool = False, server: Any = ELASTICSEARCH) -> list[Classed]:
    return list(of_stream(NAME, wanted, stream, server=server, older_indices=older_indices))


def summary(found: list[Classed]) -> list[tuple[str, tuple[str, ...], list[str]]]:
    return [(each.action, each.indices, [leaf.path for leaf in each.leaves]) for each in found]


def test_what_is_as_it_should_be_or_has_more_is_in_no_class() -> None:
    wanted = body({"codec": "x"}, a="keyword")
    assert classed(wanted, behind(body({"codec": "x", "priority": "1"}, a="keyword", b="text"))) == []
    assert classed(wanted, behind(wanted, o=body({"codec": "y", "priority": "2"}, a="keyword"))) == [], "ILM's, or old"


def test_a_new_field_is_put_into_the_write_index_and_the_others_are_counted() -> None:
    (found,) = classed(body(a="keyword", b="long"), behind(body(a="keyword"), o=body(a="keyword"), p=body()))
    assert summary([found]) == [(MAPPING, ("w",), ["b"])]
    assert found.body == {"properties": {"b": {"type": "long"}}}
    assert found.meaning.endswith("2 older of the stream's indices do not get it; with --older-indices they do.")
    assert "a new field does not find them" in found.meaning


def test_older_indices_that_lack_the_same_stand_together() -> None:
    there = behind(body(a="keyword", b="long"), o=body(a="keyword"), p=body(), q=body(a="keyword"))
    assert classed(body(a="keyword", b="long"), there) == []
    found = classed(body(a="keyword", b="long"), there, older_indices=True)
    assert summary(found) == [(MAPPING, ("o", "q"), ["b"]), (MAPPING, ("p",), ["a", "b"])]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"blocks.read_only": "true"}, "index.blocks.read_only is set"),
        ({"blocks.metadata": "true"}, "index.blocks.metadata is set"),
        ({"blocks.read_only_allow_delete": "true"}, "index.blocks.read_only_allow_delete is set"),
        ({"store.type": "snapshot"}, "it is a searchable snapshot"),
    ],
)
def test_an_index_that_is_shut_is_impossible(settings: Body, reason: str) -> None:
    wanted = body(a="keyword", b="long")
    (new,) = classed(wanted, behind(wanted, o=body(settings, a="keyword")), older_indices=True)
    assert (new.action, new.indices) == (IMPOSSIBLE, ("o",))
    assert reason in new.meaning
    (other,) = classed(wanted, behind(wanted, o=body(settings, a="text", b="long")))
    assert (other.action, other.indices) == (IMPOSSIBLE, ("o",))
    assert reason in other.meaning
    open_again = {key: "false" for key in settings if key.startswith("blocks")}
    (fine,) = classed(wanted, behind(wanted, o=body(open_again, a="text", b="long")))
    assert fine.action == REINDEX


def test_an_open_index_takes_a_setting() -> None:
    (found,) = classed(body({"priority": "7"}), behind(body({"priority": "1"}), o=body()))
    assert summary([found]) == [(SETTINGS, ("w",), ["index.priority"])]
    assert found.body == {"index.priority": "7"}
    assert "older indices keep theirs" in found.meaning


def test_a_new_index_takes_every_setting_so_none_is_set_before() -> None:
    (found,) = classed(body({"priority": "7", "codec": "x"}), behind(body()))
    assert summary([found]) == [(ROLLOVER, (), ["index.codec"])]


def test_a_field_that_is_new_comes_before_the_rollover_that_another_needs() -> None:
    """Documents that arrive in between find it."""
    found = classed(body(a="keyword", b="long"), behind(body(a="text")))
    assert summary(found) == [
        (MAPPING, ("w",), ["b"]),
        (ROLLOVER, (), ["mapping of a.type"]),
        (REINDEX, ("w",), ["mapping of a.type"]),
    ]
    assert found[0].body == {"properties": {"b": {"type": "long"}}}


@pytest.mark.parametrize("setting", ["codec", "mapping.total_fields.limit"])
def test_a_field_that_may_need_the_next_indexs_settings_waits_for_it(setting: str) -> None:
    """An analyzer, or a limit: the index that is there would refuse the field, and nothing would ever be applied."""
    wanted = body({setting: "7"}, a="keyword", b="long")
    found = classed(wanted, behind(body(a="text")))
    assert [each.action for each in found] == [ROLLOVER, REINDEX]
    assert summary(classed(wanted, behind(body(a="text")), older_indices=True))[0] == (MAPPING, ("w",), ["b"])


def test_a_limit_is_set_apart_from_other_settings() -> None:
    settings = {"mapping.total_fields.limit": "7", "priority": "7"}
    found = classed(body(settings, b="long"), behind(body()))
    assert summary(found) == [
        (MAPPING, ("w",), ["b"]),
        (SETTINGS, ("w",), ["index.mapping.total_fields.limit"]),
        (SETTINGS, ("w",), ["index.priority"]),
    ]
    assert [each.body for each in found[1:]] == [{"index.mapping.total_fields.limit": "7"}, {"index.priority": "7"}]


def test_what_older_indices_cannot_become_is_said_with_the_step_that_does_it() -> None:
    wanted = body(a="keyword")
    there = behind(wanted, o=body(a="text"), p=body(a="long"), q=body(a="text"))
    found = classed(wanted, there)
    assert summary(found) == [
        (REINDEX, ("o", "q"), ["mapping of a.type"]),
        (REINDEX, ("p",), ["mapping of a.type"]),
    ]
    assert "`reindex: {stream: campaign_groups}`" in found[0].meaning
    (dead,) = of_stream("ocs-dead-letters-n", wanted, behind(wanted, o=body(a="text")), server=ELASTICSEARCH)
    assert "`reindex: {stream: dead_letters}`" in dead.meaning
    assert [each.action for each in classed(wanted, there, server=OPENSEARCH)] == [IMPOSSIBLE, IMPOSSIBLE]


def test_static_settings_of_older_indices_are_no_reason_to_reindex() -> None:
    assert classed(body({"codec": "x"}), behind(body({"codec": "x"}), o=body({"codec": "y"}))) == []


def test_a_stream_that_waits_for_its_rollover_gets_no_second_one() -> None:
    """Its write index is an older one already, since the next message goes elsewhere."""
    wanted = body({"codec": "x", "priority": "7"}, a="keyword", b="long")
    stream = Stream("w", body(a="text"), True, {})
    assert summary(classed(wanted, stream)) == [(REINDEX, ("w",), ["mapping of a.type"])]
    assert summary(classed(wanted, stream, older_indices=True))[0] == (MAPPING, ("w",), ["b"])


def test_the_latest_state() -> None:
    def found(wanted: Body, index: Body | None, *, transform: bool = True) -> list[Any]:
        return summary(list(of_latest_state("l", wanted, index, transform=transform)))

    assert found(body(a="keyword"), body(a="keyword")) == []
    assert found(body({"priority": "7"}, a="keyword", b="long"), body(a="keyword")) == [
        (MAPPING, ("l",), ["b"]),
        (SETTINGS, ("l",), ["index.priority"]),
    ]
    assert found(body({"priority": "7"}, a="keyword", b="long"), body(a="text")) == [
        (REBUILD, ("l",), ["mapping of a.type"])
    ], "once it is made anew it has everything"
    assert found(body({"codec": "x"}), body()) == [(REBUILD, ("l",), ["index.codec"])]
    assert found(body(), None) == [(REBUILD, ("l",), [])], "the transform would go on where it was"
    assert found(body(), None, transform=False) == [], "nothing was there yet: it is created"


# One index against its template


def test_a_request_says_again_what_it_would_otherwise_take_back() -> None:
    live = body(a={"type": "keyword", "index": False, "ignore_above": 3, "fields": {"t": {"type": "text"}}})
    wanted = body(a={"type": "keyword", "index": False, "meta": {"unit": "s"}})
    (put,) = difference(wanted, live).mapping["properties"].values()
    assert put == {"type": "keyword", "index": False, "meta": {"unit": "s"}}, "multi-fields stay by themselves"
    assert {leaf.path for leaf in difference(wanted, live).additive} == {"a.ignore_above", "a.meta"}


def test_of_a_field_that_cannot_change_nothing_is_put() -> None:
    live = body(a="keyword", b="keyword")
    wanted = body(a={"type": "keyword", "index": False, "ignore_above": 3}, b={"type": "keyword", "ignore_above": 3})
    found = difference(wanted, live)
    assert [leaf.path for leaf in found.fixed] == ["a.index"]
    assert found.mapping == {"properties": {"b": {"type": "keyword", "ignore_above": 3}}}


def test_what_servers_add_to_types_of_their_own_is_no_difference() -> None:
    live = body(v={"type": "dense_vector", "dims": 3, "index": False, "similarity": "cosine"})
    found = difference(body(v={"type": "dense_vector", "dims": 3}), live)
    assert (found.additive, found.fixed) == ((), ())


def test_a_parameter_that_a_server_does_not_write_down_is_no_difference() -> None:
    """It is the default. No new index would ever have it, so each plan would turn the stream to another one."""
    asked = {
        "type": "text",
        "index_options": "positions",
        "fields": {"k": {"type": "keyword", "index_options": "docs"}},
    }
    wanted = {**body(a=asked, b=asked, **{"c.d": asked}), "settings": {}}
    wanted["mappings"]["_routing"] = {"required": False}
    plain = {"type": "text", "fields": {"k": {"type": "keyword"}}}
    written = body(a=plain, b=plain, c={"properties": {"d": plain}})
    assert difference(wanted, written).fixed, "who does not know what the server writes has to take it for one"
    found = difference(wanted, body(a=plain, c={"properties": {"d": asked}}), kept=written["mappings"])
    assert (found.fixed, found.mapping) == ((), {"properties": {"b": plain}})
    other = difference(wanted, body(a={**plain, "index_options": "docs"}), kept=written["mappings"])
    assert [leaf.path for leaf in other.fixed] == ["a.index_options"], "the index has something else"


def test_the_source_is_never_changed_in_an_index_that_is_there() -> None:
    """A real 8.3.3 takes it, and documents have no source from then on."""
    wanted = {"settings": {}, "mappings": {"_source": {"enabled": False}}}
    found = difference(wanted, body())
    assert (found.mapping, [leaf.path for leaf in found.fixed]) == ({}, ["_source"])


def test_a_script_of_a_runtime_field_stays_as_it_was_written() -> None:
    """Its parameters are numbers; as text, they would be other ones."""
    field = {"type": "long", "script": {"source": "emit(params.n)", "params": {"n": 1}}}
    found = difference({"settings": {}, "mappings": {"runtime": {"r": field}}}, body())
    assert found.mapping == {"runtime": {"r": field}}


# In a plan


def planned(stream: Stream, **options: bool) -> list[Change]:
    """What is planned for one stream, whose template is the toolkit's own."""
    wanted = [r for r in desired(Settings(), ELASTICSEARCH) if r.kind in ("index_template", "component_template")]
    (resource,) = [r for r in desired(Settings(), ELASTICSEARCH) if (r.kind, r.name) == ("data_stream", NAME)]
    bodies: Any = {(r.kind, r.name): r.body for r in wanted}
    bodies["data_stream", NAME] = {"name": NAME, "template": NAME}
    live = Live("c", "id", "http://es:9200", ELASTICSEARCH, bodies, {}, {NAME: stream})
    plan = make_plan([*wanted, resource], live, "default", schema=1, **options)
    for text in (plan_text(plan), plan_markdown(plan)):
        for change in plan.changes:
            assert change.meaning in text
            assert not change.indices or change.indices[0] in text
    return [change for change in plan.changes if change.kind == "data_stream"]


def test_rows_stand_in_the_order_in_which_they_are_made_and_what_is_not_made_stands_last() -> None:
    old = body(tags="text")
    changes = planned(Stream("w", old, False, {"o": old}), older_indices=True)
    actions = [change.action for change in changes]
    assert actions == [MAPPING, ROLLOVER, REINDEX]
    assert [change.pending for change in changes] == [True, True, False]
    assert changes[0].indices == ("o", "w")
    assert changes[-1].indices == ("o", "w")
    assert changes[-1].as_json()["indices"] == ["o", "w"]
    assert "indices" not in changes[1].as_json(), "what programs knew before is as it was"
    assert all(change.source for change in changes)
