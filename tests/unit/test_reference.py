"""README.md's generated parts say what the code and the catalogue say, and the code says enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from cogapp import Cog

from toolkit.capabilities import of_elasticsearch
from toolkit.catalogue import read_catalogue
from toolkit.cli.main import app
from toolkit.config import Settings
from toolkit.load import desired
from toolkit.reference import commands, dictionary

README = Path(__file__).parents[2] / "README.md"
CATALOGUE = read_catalogue()
CASES = Path(__file__).parents[1] / "golden" / "pipeline" / "cases"


def test_the_readme_is_what_make_docs_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert Cog().main(["cog", "--check", "--diff", str(README)]) == 0, "run: make docs\n" + capsys.readouterr().out


def without_help(application: typer.Typer) -> Iterator[str]:
    """Every command and every option or argument that does not say what it is for."""
    for context in commands.contexts(application):
        if not commands.summary(context):
            yield context.command_path
        for parameter in commands.parameters(context):
            if not getattr(parameter, "help", None):
                yield f"{context.command_path} {parameter.opts[0]}"


def test_every_command_and_every_option_has_help() -> None:
    assert list(without_help(app)) == []


@pytest.fixture(name="other")
def _other() -> typer.Typer:
    """An application with a group, a hidden command, and gaps in its help."""
    application = typer.Typer(name="tool", help="A tool.")
    group = typer.Typer(name="group", help="A <group>. With more to say.")
    application.add_typer(group)

    @group.command()
    def inner(
        given: Annotated[str, typer.Argument()],
        speed: Annotated[int, typer.Option()] = 1,
        colour: Annotated[str, typer.Option(help="Which [colour].")] = "red",
    ) -> None: ...

    @application.command(hidden=True)
    def unseen() -> None: ...

    return application


def test_what_lacks_help_is_named(other: typer.Typer) -> None:
    assert list(without_help(other)) == ["tool group inner", "tool group inner given", "tool group inner --speed"]


def test_the_reference_has_whatever_is_registered(other: typer.Typer) -> None:
    text = commands.markdown(other)
    assert "<summary><code>tool group</code>: A &lt;group&gt;</summary>" in text
    assert "Usage: tool group inner [OPTIONS] " in text
    assert "Which [colour].  [default: red]" in text
    assert "unseen" not in text


def test_the_help_is_plain_and_not_too_wide() -> None:
    for block in commands.markdown(app).split("```text\n")[1:]:
        lines = block.partition("```")[0].splitlines()
        assert all(line.isascii() and len(line) <= commands.WIDTH for line in lines)


def test_the_dictionary_has_every_field_of_the_mapping_and_no_other() -> None:
    mappings = {
        resource.name: dictionary.leaf_types(resource.body["template"]["mappings"]["properties"])
        for resource in desired(Settings(), of_elasticsearch((8, 17, 2)))
        if resource.kind == "component_template" and resource.name.endswith("-mappings")
    }
    fields = [row.field for row in dictionary.fields(CATALOGUE)]
    assert len(fields) == len(set(fields))
    assert set(fields) == mappings["ocs-campaign-groups-mappings"].keys()
    dead_letters = {name: type_ for name, (type_, _) in dictionary.DEAD_LETTER_FIELDS.items()}
    assert dead_letters == mappings["ocs-dead-letters-mappings"]


def test_what_the_dictionary_calls_always_there_is_in_every_golden_document() -> None:
    goldens = (json.loads(path.read_text(encoding="utf-8")) for path in CASES.glob("*/document.json"))
    documents = [golden["document"] for golden in goldens if "document" in golden]
    assert documents
    for row in dictionary.fields(CATALOGUE):
        if row.source is None:
            assert all(has(document, row.field) for document in documents) == (row.present == "always"), row.field


def has(document: Any, field: str) -> bool:
    for step in field.split("."):
        if step not in document:
            return False
        document = document[step]
    return True


def test_the_dictionary_has_every_attribute_and_every_number() -> None:
    text = dictionary.markdown(CATALOGUE)
    for attribute in CATALOGUE.attributes.values():
        assert f"| `{attribute.name}` |" in text
        assert attribute.meaning in text
    for enum in CATALOGUE.enums.values():
        for value in enum.values:
            assert f"| {value.code} | `{value.id}` | {value.label} |" in text


def test_a_cell_cannot_end_its_table() -> None:
    enum = CATALOGUE.enums["actor"]
    values = (replace(enum.values[0], label="a|b <c>"), *enum.values[1:])
    catalogue = replace(CATALOGUE, enums={**CATALOGUE.enums, "actor": replace(enum, values=values)})
    assert "| a\\|b &lt;c> |" in dictionary.markdown(catalogue)
