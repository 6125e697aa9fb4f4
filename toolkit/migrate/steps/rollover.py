"""`rollover`: a stream turns to a new index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from toolkit.migrate.place import Place, stream_role
from toolkit.migrate.step import Note, Step
from toolkit.yaml_source import Reader, Where

_FROM = "write_index"


@dataclass(frozen=True, slots=True)
class Rollover(Step):
    """Turns a data stream to a new index, at once and once."""

    word: ClassVar[str] = "rollover"
    role: str

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """`{stream: campaign_groups}`."""
        reader.mapping(where, "stream")
        return cls(stream_role(reader, (*where, "stream")))

    def title(self, place: Place) -> str:
        """Which stream."""
        return f"roll over {place.stream(self.role)}"

    def preview(self, place: Place, note: Note) -> list[str]:
        """From which index."""
        if self._is_done(place, note):
            return []
        write_index = self._indices(place)[-1]
        return [f"{place.stream(self.role)} turns from {write_index} to a new index; stored documents stay as they are"]

    def hindrances(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002 - a rollover remembers nothing here
        """A stream that is absent."""
        return [] if self._indices(place) else [f"there is no data stream {place.stream(self.role)}"]

    def run(self, place: Place, note: Note) -> None:
        """Note the write index first: if it is another one later, the rollover was made."""
        if note.get(_FROM) is None:
            note.keep(**{_FROM: self._indices(place)[-1]})
        if not self._is_done(place, note):
            place.still_held()
            place.transport.post(f"/{place.stream(self.role)}/_rollover", None)

    def faults(self, place: Place, note: Note) -> list[str]:
        """Still the same write index."""
        if self._is_done(place, note):
            return []
        return [f"{place.stream(self.role)} still writes to {note.get(_FROM) or 'the same index'}"]

    def _is_done(self, place: Place, note: Note) -> bool:
        return note.get(_FROM) is not None and self._indices(place)[-1:] != [note.get(_FROM)]

    def _indices(self, place: Place) -> list[str]:
        return place.streams.backing(place.transport, place.stream(self.role))
