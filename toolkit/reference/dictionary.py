"""The data dictionary: every field of a document, and every number that OCS may send, from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from toolkit.catalogue import Attribute, Catalogue, Enum
from toolkit.model import Body
from toolkit.tables import mapping_properties

_PRESENT = {
    "always": "always",
    "configured": "if configured",
    "running": "running groups",
    "predictive": "predictive modes",
    "statistics": "OCS 8.1.517.04 and later",
}
_IF_ANY = frozenset({"event.action", "ocs.extra", "ocs.invalid", "tags"})
"""What the pipeline adds only where there is something to say; a test looks at the golden documents."""

_WORDS = {
    "keyword": "text",
    "constant_keyword": "text",
    "integer": "whole number",
    "float": "number",
    "date": "time",
    "object": "as sent",
}

DEAD_LETTER_FIELDS = {
    "@timestamp": ("date", "When the engine took the message"),
    "event.ingested": ("date", "The same"),
    "event.original": ("text", "The message as OCS sent it, as JSON; not searchable"),
    "error.type": ("keyword", "Which step could not go on"),
    "error.message": ("keyword", "Why, in the engine's words"),
    "ocs.replay.state": ("keyword", "`pending`; `failures replay` makes it `replayed`, or `failed`"),
    "ocs.replay.time": ("date", "When it was last tried"),
    "ocs.replay.attempts": ("integer", "How often it was tried"),
    "ocs.replay.index": ("keyword", "The backing index of the document that came of it"),
    "ocs.replay.id": ("keyword", "The id of that document"),
    "ocs.replay.reason": ("keyword", "Why it failed again, in the engine's words"),
    "tags": ("keyword", "`ocs_verify`: written by `verify`, and counted nowhere"),
}
"""Field → type and meaning: no attribute of OCS's stands behind these, so the catalogue does not have them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A field of a document."""

    field: str
    source: str | None
    """The attribute that it comes from; None: the pipeline adds it."""
    present: str
    meaning: str


def fields(catalogue: Catalogue) -> Iterator[Row]:
    """Every field of a campaign group's document, in the catalogue's order."""
    for attribute in catalogue.attributes.values():
        yield from _of_attribute(attribute)
    yield from _of_calling_lists(catalogue)
    for added in catalogue.added:
        yield Row(added.name, None, "if any" if added.name in _IF_ANY else _PRESENT["always"], added.meaning)


def _of_attribute(attribute: Attribute) -> Iterator[Row]:
    present = _PRESENT[attribute.present]
    if not attribute.enum:
        yield Row(attribute.target, attribute.name, present, attribute.meaning + _more(attribute))
        return
    yield Row(f"{attribute.target}.code", attribute.name, present, f"{attribute.meaning}, as OCS's number")
    yield Row(f"{attribute.target}.label", attribute.name, present, f"{attribute.meaning}, in words")


def _more(attribute: Attribute) -> str:
    if attribute.type == "timestamp":
        return "; if it cannot be used, the time when the engine took the message, and the tag `ocs_bad_time`"
    return ", in seconds" if attribute.unit == "seconds" else ""


def _of_calling_lists(catalogue: Catalogue) -> Iterator[Row]:
    target = catalogue.calling_lists.target
    present = _PRESENT["statistics"]
    yield Row(f"{target}.name", "the lists' own names", present, "Names of the calling lists that OCS sends figures of")
    for attribute in catalogue.attributes.values():
        if attribute.calling_list:
            meaning = "The same figure of each calling list; the document itself shows which is whose; not searchable"
            yield Row(f"{target}.{attribute.calling_list}", attribute.name, present, meaning)


def markdown(catalogue: Catalogue) -> str:
    """The dictionary, each table to be opened."""
    types = leaf_types(mapping_properties(catalogue))
    rows = [(f"`{r.field}`", _source(r), _type(types[r.field]), r.present, r.meaning) for r in fields(catalogue)]
    dead = [(f"`{name}`", _type(type_), meaning) for name, (type_, meaning) in DEAD_LETTER_FIELDS.items()]
    return "\n\n".join(
        [
            _details("Fields of a campaign group's document", ("field", "from", "type", "present", "meaning"), rows),
            _details("Fields of a dead letter", ("field", "type", "meaning"), dead),
            *(_enum(enum, catalogue) for enum in catalogue.enums.values()),
        ]
    )


def leaf_types(properties: Body, prefix: str = "") -> dict[str, str]:
    """Field → type of every field in a mapping's `properties`; aliases left out."""
    found: dict[str, str] = {}
    for name, field in properties.items():
        if "properties" in field:
            found |= leaf_types(field["properties"], f"{prefix}{name}.")
        elif field["type"] != "alias":
            found[prefix + name] = field["type"]
    return found


def _type(name: str) -> str:
    return f"{_WORDS[name]} (`{name}`)" if name in _WORDS else f"`{name}`"


def _source(row: Row) -> str:
    if row.source is None:
        return "the pipeline"
    return f"`{row.source}`" if row.source.isupper() else row.source


def _enum(enum: Enum, catalogue: Catalogue) -> str:
    columns = ["code", "id", "label", "vendor's name"]
    rows = [[str(v.code), f"`{v.id}`", v.label, f"`{v.vendor}`" if v.vendor else ""] for v in enum.values]
    if enum.name == "action":
        columns.append("`ocs.message`")
        for row, value in zip(rows, enum.values, strict=True):
            row.append("state_change" if value.id in catalogue.state_change_actions else "activity")
    vendor = f", `{enum.vendor}` in the vendor's SDK" if enum.vendor else ""
    sent_as = ", ".join(f"<code>{a.name}</code>" for a in catalogue.attributes.values() if a.enum == enum.name)
    return _details(f"Numbers of {sent_as}", columns, rows, note=f"{enum.meaning}{vendor}.")


def _details(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, note: str = "") -> str:
    lines = [_line(columns), "|".join(["", *("---" for _ in columns), ""]), *map(_line, rows)]
    text = f"{note}\n\n" if note else ""
    return f"<details>\n<summary>{title}</summary>\n\n{text}" + "\n".join(lines) + "\n\n</details>"


def _line(cells: Sequence[str]) -> str:
    """A line of a table; a bar inside a cell would end it, and `<` begins HTML."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"
