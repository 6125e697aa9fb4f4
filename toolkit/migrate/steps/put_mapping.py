"""`put_mapping`: fields that indices of a stream do not have yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from toolkit.index_difference import difference
from toolkit.migrate.place import Place, stream_role
from toolkit.migrate.step import Note, Step
from toolkit.model import Body
from toolkit.yaml_source import Reader, Where

_INDICES = "indices"
_WHICH = ("all", "write", "older")
_BLOCKS = ("index.blocks.metadata", "index.blocks.read_only", "index.blocks.read_only_allow_delete")


@dataclass(frozen=True, slots=True)
class PutMapping(Step):
    """Adds fields to the mapping of indices; what they hold already stays, and is not indexed anew."""

    word: ClassVar[str] = "put_mapping"
    role: str
    which: str
    """`all` indices of the stream, the one it writes to (`write`), or the `older` ones: as it was when it began."""
    mapping: Body

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """`{stream: campaign_groups, indices: all, mapping: {properties: {...}}}`; `all` where nothing is said."""
        raw = reader.mapping(where, "stream mapping", optional="indices")
        which = reader.text((*where, "indices"), raw.get("indices", "all"))
        if which not in _WHICH:
            reader.fail((*where, "indices"), f"must be one of {', '.join(_WHICH)}, not '{which}'")
        mapping = reader.mapping((*where, "mapping"), "properties", open_ended=True)
        properties = reader.mapping((*where, "mapping", "properties"), "", open_ended=True)
        for name in properties:
            reader.mapping((*where, "mapping", "properties", name), "", open_ended=True)
        if len(mapping) == 1 and not properties:
            reader.fail((*where, "mapping", "properties"), "is empty, and has to hold the fields to add")
        return cls(stream_role(reader, (*where, "stream")), which, mapping)

    def title(self, place: Place) -> str:
        """Which indices, which fields."""
        of = {"all": "every index", "write": "the write index", "older": "every older index"}[self.which]
        return f"put a mapping on {of} of {place.stream(self.role)}: {', '.join(_named(place.named(self.mapping)))}"

    def preview(self, place: Place, note: Note) -> list[str]:
        """Index by index, what is new."""
        return [f"{index}: {', '.join(missing)}" for index, missing in self._missing(place, note)]

    def hindrances(self, place: Place, note: Note) -> list[str]:
        """Fields that are there as something else, and indices that cannot be changed."""
        return [line for index, about in self._live(place, note) for line in self._of_index(place, index, about)]

    def run(self, place: Place, note: Note) -> None:
        """Put it on those that lack it, the write index last: nothing is there that older ones would not know.

        Which ones is noted first: an index that a later step makes is not meant, whenever a run is interrupted.
        """
        if note.get(_INDICES) is None:
            note.keep(**{_INDICES: self._chosen(place, note)})
        for index, _ in self._missing(place, note):
            place.still_held()
            place.transport.put(f"/{index}/_mapping", place.named(self.mapping))

    def faults(self, place: Place, note: Note) -> list[str]:
        """What is still missing."""
        return [f"{index} lacks {', '.join(missing)}" for index, missing in self._missing(place, note)]

    def _missing(self, place: Place, note: Note) -> Iterator[tuple[str, list[str]]]:
        wanted = {"settings": {}, "mappings": place.named(self.mapping)}
        for index, about in self._live(place, note):
            found = difference(wanted, about)
            if missing := [leaf.path for leaf in (*found.additive, *found.fixed)]:
                yield index, missing

    def _of_index(self, place: Place, index: str, about: Body) -> Iterator[str]:
        settings, wanted = about.get("settings", {}).get("index", {}), place.named(self.mapping)
        for block in _BLOCKS:
            if str(settings.get("blocks", {}).get(block.removeprefix("index.blocks."))) == "true":
                yield f"{index} cannot be changed: {block}"
        yield from (f"{index}: {line}" for line in _conflicts(wanted, about.get("mappings", {})))

    def _live(self, place: Place, note: Note) -> list[tuple[str, Body]]:
        answer = place.transport.get(f"/{place.stream(self.role)}") or {}
        return [(index, answer[index]) for index in self._chosen(place, note) if index in answer]

    def _chosen(self, place: Place, note: Note) -> list[str]:
        """The noted indices, or those of now; one whose time has come since needs nothing."""
        if (noted := note.get(_INDICES)) is not None:
            return list(noted)
        indices = place.streams.backing(place.transport, place.stream(self.role))
        return {"all": indices, "write": indices[-1:], "older": indices[:-1]}[self.which]


def _named(mapping: Body) -> Iterator[str]:
    """What a mapping is about: parameters of its own, then its fields."""
    yield from (parameter for parameter in mapping if parameter != "properties")
    yield from _fields(mapping)


def _fields(mapping: Body, path: str = "") -> Iterator[str]:
    """The names of all fields of a mapping, those inside objects with dots."""
    for name, field in mapping.get("properties", {}).items():
        if isinstance(field, dict) and "properties" in field:
            yield from _fields(field, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def _conflicts(wanted: Any, live: Any, path: str = "") -> Iterator[str]:
    """Fields that an index has with another type, which no index can change."""
    for name, field in wanted.get("properties", {}).items():
        there = live.get("properties", {}).get(name)
        if not isinstance(there, dict) or not isinstance(field, dict):
            continue
        types = [each.get("type", "object") for each in (field, there)]
        if types[0] != types[1]:
            yield f"{path}{name} is {types[1]} there and cannot become {types[0]}"
        else:
            yield from _conflicts(field, there, f"{path}{name}.")
