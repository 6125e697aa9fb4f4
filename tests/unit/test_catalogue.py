"""The catalogue checks itself, and every complaint names file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.catalogue import read_catalogue
from toolkit.errors import CatalogueError, ConfigurationError, SourceError
from toolkit.resources import data_folder
from toolkit.yaml_source import parse

TEXT = (data_folder("templates") / "catalogue.yml").read_text(encoding="utf-8")


def line_of(text: str, needle: str, occurrence: int = 0) -> int:
    return [i for i, line in enumerate(text.splitlines(), 1) if needle in line][occurrence]


def test_the_shipped_catalogue_is_whole() -> None:
    catalogue = read_catalogue()
    assert len(catalogue.attributes) == 19
    assert {name: len(enum.values) for name, enum in catalogue.enums.items()} == {
        "state": 7,
        "action": 30,
        "actor": 6,
        "dial_mode": 12,
        "optimize_by": 6,
    }
    assert catalogue.enums["state"].label(5) == "Running"
    assert catalogue.enums["action"].code("complete") == 36
    assert catalogue.attributes["GSW_DIAL_MODE"].alias_of == "ocs.dial_mode.code"
    assert len(catalogue.state_change_actions) == 7
    assert catalogue.enums["state"].silent == {0}


def test_it_reads_the_same_fast_and_slow() -> None:
    """With libyaml and without: values, their types and their lines."""
    slow, fast = (parse(TEXT, source="catalogue.yml", trusted=trusted) for trusted in (False, True))
    assert repr(fast.value) == repr(slow.value)
    assert fast.lines == slow.lines


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  GSW_QUEUE_NAME:", "  GSW_GROUP_NAME:", "key 'GSW_GROUP_NAME' stands twice"),
        ("code: 4, id: active", "code: 5, id: active", "code '5' stands twice in 'state'"),
        ("id: running,", "id: active,", "id 'active' stands twice in 'state'"),
        ("label: Running,", "label: Active,", "label 'Active' stands twice in 'state'"),
        ("target: ocs.queue.name", "target: ocs.group.name", "target 'ocs.group.name' collides with that of"),
        ("target: ocs.queue.name", "target: ocs.group", "target 'ocs.group' collides with that of GSW_GROUP_NAME"),
        ("target: ocs.queue.name", "target: queue", "'target' must be a field below ocs., or @timestamp"),
        ("type: timestamp", "type: timestmap", "unknown type 'timestmap'"),
        ("enum: dial_mode", "enum: dial_mod", "unknown enum 'dial_mod'"),
        ("code: 36,", 'code: "36",', "'code' must be a whole number, not '36'"),
        ("code: 36,", "code: true,", "'code' must be a whole number, not True"),
        ("id: running,", "id: Running,", "'id' must be lower-case words"),
        ("  keyword_length: 1024", "  keyword_lenght: 1024", "unknown key 'keyword_lenght'"),
        ("  keyword_length: 1024", "  keyword_length: 0", "'keyword_length' must be above 0"),
        ("id: ocs-client,", "id: ocs-client, silent: true,", "only a state of a campaign group can be silent"),
        ("silent: true}", "silent: 1}", "'silent' must be true or false, not 1"),
        ("state_change_actions: [load,", "state_change_actions: [lod,", "unknown id 'lod'"),
        ("{type: constant, value: event,", "{type: constant,", "a constant has a 'value', and nothing else has"),
        ("{type: constant, value: event,", "{type: keyword, value: event,", "a constant has a 'value', and nothing"),
        ("{type: constant, value: event,", "{type: constant, value: 1,", "'value' must be text, not 1"),
        ("event.kind: {", "ocs.kind: {", "'ocs.kind' must be a field below event., since it is a constant"),
    ],
)
def test_a_broken_catalogue_is_an_error_with_its_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert TEXT.count(old) >= 1
    text = TEXT.replace(old, new, 1)
    path = tmp_path / "catalogue.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_catalogue(path)
    lines = [i for i, (a, b) in enumerate(zip(TEXT.splitlines(), text.splitlines(), strict=True), 1) if a != b]
    where, _, message = caught.value.reason.partition(": ")
    assert message.startswith(reason)
    assert where.startswith(f"{path}:")
    assert int(where.rsplit(":", 1)[1]) in range(lines[0], lines[0] + 4)


def test_a_misspelt_word_is_answered_with_the_nearest_known_one(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yml"
    path.write_text(TEXT.replace("type: timestamp", "type: timestmap"), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(path)
    assert caught.value.hint == "Did you mean 'timestamp'?"


@pytest.mark.parametrize("text", ["", "- a\n", "schema: [\n", "schema: 1\n", "a: &a [*a]\n", "{[1]: 2}\n", "\x00"])
def test_what_is_no_catalogue_at_all_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "catalogue.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=str(path)):
        read_catalogue(path)


def test_bytes_that_are_not_utf8_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yml"
    path.write_bytes("Müller".encode("latin-1"))
    with pytest.raises(SourceError, match="cannot be read"):
        read_catalogue(path)


def test_labels_can_be_overridden_but_ids_cannot_be_invented() -> None:
    catalogue = read_catalogue()
    assert catalogue.with_labels({"state": {"running": "Läuft"}}).enums["state"].label(5) == "Läuft"
    assert catalogue.enums["state"].label(5) == "Running"
    with pytest.raises(ConfigurationError) as caught:
        catalogue.with_labels({"state": {"runing": "Läuft"}})
    assert caught.value.hint == "Did you mean 'running'?"
    with pytest.raises(ConfigurationError):
        catalogue.with_labels({"stat": {}})
    with pytest.raises(ConfigurationError):
        catalogue.with_state_change_actions(["lod"])
