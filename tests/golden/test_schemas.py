"""Each schema that was ever released has a fixture; tests/engine/test_schemas.py brings each to the present one."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import pytest

from tests.found import CATALOGUE
from tests.schemas import ENGINES, FOLDER, PATHS, RELEASED, Fixture, changed_types, faults, fixtures, rendered, types
from toolkit.kinds import KINDS

CURRENT = FOLDER / f"{CATALOGUE.schema:04}"


def test_the_catalogues_schema_has_a_fixture_of_what_it_installs(update: bool) -> None:
    wanted = rendered()
    if update and CATALOGUE.schema not in RELEASED:
        shutil.rmtree(CURRENT, ignore_errors=True)
        for name, text in wanted.items():
            (CURRENT / name).parent.mkdir(parents=True, exist_ok=True)
            (CURRENT / name).write_text(text, encoding="utf-8")
    assert CURRENT.is_dir(), f"schema {CATALOGUE.schema} has no fixture yet: make golden"
    assert Fixture(CURRENT).files == wanted, "it is another one now: make golden, and review the result as a diff"


def test_every_released_schema_has_its_fixture_as_it_was() -> None:
    assert faults(fixtures(), CATALOGUE.schema, RELEASED) == []


def test_no_schema_changes_the_type_of_a_field_that_an_older_one_had() -> None:
    for older, newer in combinations(fixtures(), 2):
        assert changed_types(older, newer) == []


def test_a_fixture_is_put_there_in_the_order_of_kinds_and_its_scripts_are_whole() -> None:
    assert list(PATHS) == [kind.name for kind in KINDS], "a new kind needs its path, for fixtures that have it"
    for fixture in fixtures():
        for engine in ENGINES:
            resources = fixture.resources(engine)
            kinds = [each.kind for each in resources]
            assert kinds == sorted(kinds, key=list(PATHS).index)
            texts = [json.dumps(each.body) for each in resources]
            assert sum('"lang": "painless"' in text for text in texts) >= 3
            assert not any(".painless>" in text for text in texts)


@pytest.fixture
def two(tmp_path: Path) -> list[Fixture]:
    """As if the catalogue's schema had risen twice."""
    for number in (1, 2):
        shutil.copytree(CURRENT, tmp_path / f"{number:04}")
    return fixtures(tmp_path)


def released(some: list[Fixture]) -> dict[int, str]:
    return {fixture.schema: fixture.checksum for fixture in some}


def test_when_the_schema_rises_it_says_what_to_do(two: list[Fixture]) -> None:
    one, other = two
    assert faults([one, other], 3, released(two)) == []
    (said,) = faults([one, other], 3, released([one]))
    assert f'RELEASED of tests/schemas/__init__.py: 2: "{other.checksum}"' in said
    assert "make golden" in said
    (said,) = faults([one], 3, released([one]))
    assert "schema 2 has no fixture: check out the last commit" in said
    (said,) = faults([one, other], 1, {})
    assert "0002 is of a schema that is not yet" in said


@pytest.mark.parametrize("spoil", ["change", "remove", "add"])
def test_bad_a_released_fixture_that_has_changed(two: list[Fixture], spoil: str) -> None:
    known = released(two)
    file = two[0].folder / "scripts" / "json.painless"
    if spoil == "change":
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    elif spoil == "remove":
        file.unlink()
    else:
        file.with_name("new.painless").write_text("", encoding="utf-8")
    assert faults(two, 3, known) == [
        "the fixture of schema 1, which is released, has changed: git checkout tests/schemas/0001"
    ]


def test_bad_a_field_of_another_type(two: list[Fixture]) -> None:
    """A new field is none, and one that is gone is none; of one that stays the type stays, in objects too."""
    older, newer = two
    assert changed_types(older, newer) == []
    file = newer.folder / "elasticsearch-8.3.3" / "component_template" / "ocs-campaign-groups-mappings.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    ocs = body["template"]["mappings"]["properties"]["ocs"]["properties"]
    ocs["campaign_group"]["properties"]["guid"]["type"] = "wildcard"
    ocs["brand_new"] = {"type": "long"}
    del ocs["tenant"]
    file.write_text(json.dumps(body), encoding="utf-8")
    assert changed_types(older, newer) == [
        f"elasticsearch-8.3.3: ocs.campaign_group.guid of {pattern}: keyword in schema 1, wildcard in schema 2"
        for pattern in ("ocs-campaign-groups-schemas", "ocs-current-state-schemas")
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_field_of_the_catalogue_is_looked_at(engine: str) -> None:
    found = types(Fixture(CURRENT).resources(engine))
    targets = {attribute.alias_of for attribute in CATALOGUE.attributes.values()} | {*CATALOGUE.attributes}
    missing = {field for field in targets if ("ocs-campaign-groups-schemas", field) not in found}
    assert missing <= {"GSW_CALLING_LISTS"}
    assert ("ocs-dead-letters-schemas", "error.message") in found
