"""`put_mapping`: fields that indices of a stream do not have yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from toolkit.index_difference import IndexDifference, Leaf, difference
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
        return [f"{index}: {_told(found)}" for index, found in self._missing(place, note)]

    def hindrances(self, place: Place, note: Note) -> list[str]:
        """Fields that are there as something else, and indices that cannot be changed."""
        blocked = [line for index, about in self._live(place, note) for line in _blocks(index, about)]
        stuck = [f"{index}: {_stuck(leaf)}" for index, found in self._missing(place, note) for leaf in found.fixed]
        return blocked + stuck

    def run(self, place: Place, note: Note) -> None:
        """Put it on those that lack it, the write index last: nothing is there that older ones would not know.

        Which ones is noted first: an index that a later step makes is not meant, whenever a run is interrupted.
        """
        if note.get(_INDICES) is None:
            note.keep(**{_INDICES: self._chosen(place, note)})
        for index, found in self._missing(place, note):
            place.still_held()
            place.transport.put(f"/{index}/_mapping", found.mapping)

    def faults(self, place: Place, note: Note) -> list[str]:
        """What is still missing."""
        return [f"{index} lacks {_told(found)}" for index, found in self._missing(place, note)]

    def _missing(self, place: Place, note: Note) -> Iterator[tuple[str, IndexDifference]]:
        wanted = {"settings": {}, "mappings": place.named(self.mapping)}
        for index, about in self._live(place, note):
            found = difference(wanted, about)
            if found.additive or found.fixed:
                yield index, found

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


def _blocks(index: str, about: Body) -> Iterator[str]:
    settings = about.get("settings", {}).get("index", {})
    for block in _BLOCKS:
        if str(settings.get("blocks", {}).get(block.removeprefix("index.blocks."))) == "true":
            yield f"{index} cannot be changed: {block}"


def _told(found: IndexDifference) -> str:
    return ", ".join(leaf.path for leaf in (*found.additive, *found.fixed))


def _stuck(leaf: Leaf) -> str:
    return f"{leaf.path.removesuffix('.type')} is {leaf.before} there and cannot become {leaf.after}"
