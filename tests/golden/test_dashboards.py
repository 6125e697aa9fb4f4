"""Every saved object as it is imported, with the JSON in its strings decoded, so that a diff can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.saved_object import SavedObject

GOLDEN = Path(__file__).with_name("dashboards")
OBJECTS = compile_dashboards(Settings(namespace="bar"), read_catalogue(), "call-centre")


def decoded(value: Any) -> Any:
    """With every string that holds a JSON object or array replaced by that; scripts by their names."""
    if isinstance(value, dict):
        return {key: f"<{key}>" if key.endswith("_script") else decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return decoded(json.loads(value))
        except ValueError:  # Markdown begins with '[' too
            return value
    return value


@pytest.mark.parametrize("saved", OBJECTS, ids=lambda saved: saved.id)
def test_saved_objects_are_the_golden_ones(saved: SavedObject, update: bool) -> None:
    file = GOLDEN / f"{saved.id}.json"
    text = json.dumps(decoded(saved.body), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if update:
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "make golden, and review the diff"


def test_every_golden_file_has_its_object() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == {saved.id for saved in OBJECTS}


def test_the_same_source_gives_the_same_bytes() -> None:
    again = compile_dashboards(Settings(namespace="bar"), read_catalogue(), "call-centre")
    assert [json.dumps(saved.body) for saved in OBJECTS] == [json.dumps(saved.body) for saved in again]
