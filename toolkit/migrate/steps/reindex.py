"""The indices behind a data stream made anew, so that stored documents follow the templates of today.

A template holds for indices to come, and a field's type cannot be changed in an index that is there: its documents are
copied into a new one, which takes its place in the stream in one moment. Messages come in meanwhile as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from toolkit import tasks
from toolkit.canonical import checksum
from toolkit.effective import merged
from toolkit.index_difference import difference
from toolkit.kinds import KIND
from toolkit.live import kept_mapping, wanted_component
from toolkit.migrate.place import NO_PIPELINE, Place, stream_role
from toolkit.migrate.sources import MADE, marks_of, retention_is_over
from toolkit.migrate.step import Note, Step, keep_task
from toolkit.migrate.steps.backing import Exchange
from toolkit.model import Body, Resource
from toolkit.rewrite import parts
from toolkit.watermarks import DISK, in_force, kept_free
from toolkit.yaml_source import Reader, Where

OUTDATED, ALL = "outdated", "all"
_DATA = "data"
_FROZEN = frozenset({"data_frozen"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a stream's template comes to."""

    mapping: Body
    kept: Body
    """The same as the server would write it down; see `toolkit.live.kept_mapping`."""


@dataclass(frozen=True)
class Reindex(Step):
    """Makes indices of a data stream anew, and keeps the old ones aside for a while."""

    word: ClassVar[str] = "reindex"

    role: str
    """The stream's, as files call it."""
    which: str = OUTDATED
    """`outdated`: the indices whose mapping is not what the template asks for; `all`: every one that is there."""
    pipeline: str = NO_PIPELINE
    """What documents are sent through; it must not drop any."""
    keep_source_days: int | None = None
    """None: old indices are kept until somebody drops them."""

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """`{stream: campaign_groups, which: outdated, pipeline: _none, keep_source_days: 7}`, or the stream alone."""
        raw = reader.mapping(where, "stream", optional="which pipeline keep_source_days")
        which = raw.get("which", OUTDATED)
        if which not in (OUTDATED, ALL):
            reader.fail((*where, "which"), f"must be {OUTDATED} or {ALL}, not {which!r}")
        return cls(
            role=stream_role(reader, (*where, "stream")),
            which=which,
            pipeline=reader.text((*where, "pipeline"), raw.get("pipeline", NO_PIPELINE)),
            keep_source_days=reader.optional_count((*where, "keep_source_days"), raw.get("keep_source_days")),
        )

    def title(self, place: Place) -> str:
        """What it does, in one line."""
        through = "" if self.pipeline == NO_PIPELINE else f" through pipeline {self._pipeline(place)}"
        return f"reindex {'every index' if self.which == ALL else 'outdated indices'} of {self._stream(place)}{through}"

    def preview(self, place: Place, note: Note) -> list[str]:
        """Each index that is left, and what becomes of the old ones."""
        if not self._backing(place):
            return []
        lines = [line for exchange in self._exchanges(place, self._sources(place, note)) if (line := exchange.left())]
        if lines and (write_index := self._to_roll_over(place, note)):
            lines.insert(0, f"roll over {self._stream(place)}: {write_index}, which is written to, is one of them")
        if lines:
            days = self.keep_source_days
            until = f"for {days} day{'' if days == 1 else 's'}" if days else "until they are dropped (--drop-source)"
            lines.append(f"keep what is replaced {until}, outside the stream and without ILM")
        return lines

    def hindrances(self, place: Place, note: Note) -> list[str]:
        """All that would stop it, or make it dangerous."""
        stream = self._stream(place)
        if not place.server.data_stream_modify:
            return [f"{place.server} cannot exchange the indices of a data stream (_data_stream/_modify)"]
        backing = self._backing(place)
        if not backing:
            return [f"there is no data stream {stream}: ocs-elastic apply makes it"]
        todo = {index for index in self._sources(place, note) if index in backing}
        return [
            *self._outdated_templates(place),
            *place.unfit(self._pipeline(place)),
            *self._missing_privileges(place),
            *self._untouchable(place, sorted(todo)),
            *self._without_room(place, sorted(todo), resumed=note.get("sources") is not None),
        ]

    def run(self, place: Place, note: Note) -> None:
        """The newest first: each goes to the beginning of the stream's list, which is in the order of age again so."""
        self._note(place, note)
        self._see_through(place, note)
        if self._to_roll_over(place, note):
            place.still_held()
            place.transport.post(f"/{self._stream(place)}/_rollover", None)
        for exchange in self._exchanges(place, note.get("sources")):
            replace(exchange, on_task=lambda task: keep_task(note, task)).run()

    def faults(self, place: Place, note: Note) -> list[str]:
        """Indices that are still there, documents that are missing, and what keeps ILM from its work."""
        sources: Mapping[str, bool] = note.get("sources") or {}
        backing, kept = self._backing(place), marks_of(place.transport, self._stream(place))
        found = [f"{index} is still in {self._stream(place)}" for index in sources if index in backing]
        for exchange in self._exchanges(place, sources):
            if exchange.destination in backing:
                found.extend(self._faults_of(place, exchange, kept.get(exchange.source)))
            elif (mark := kept.get(exchange.source)) and not retention_is_over(place.transport, mark):
                found.append(f"{exchange.destination} is gone, before its retention was over")
        if self.which == ALL and note.get("sources") is None:
            found.append(f"nothing of {self._stream(place)} was reindexed by this step")
        if self.which == OUTDATED:
            asked = self._asked(place)
            if note.get("asked") in (
                None,
                checksum(asked.mapping),
            ):  # what was applied since is no matter of a step that is done
                older = [index for index in self._differing(place, asked) if index != backing[-1]]
                found.extend(f"{index} is not what its template asks for" for index in older)
        return found

    def _faults_of(self, place: Place, exchange: Exchange, mark: Body | None) -> Iterator[str]:
        index = exchange.destination
        count = place.transport.post(f"/{index}/_count", None)["count"]
        if mark and count < mark["documents"]:
            yield f"{index} has {count:,} documents, and had {mark['documents']:,}"
        if not place.server.ilm:
            return
        explained = (place.transport.get(f"/{index}/_ilm/explain") or {}).get("indices", {}).get(index, {})
        if explained.get("step") == "ERROR" and not explained.get("is_auto_retryable_error"):
            why = explained.get("step_info", {}).get("reason", "it does not say why")
            yield f"ILM has stopped at {index}: {why}"

    def _note(self, place: Place, note: Note) -> None:
        """What is to be exchanged is written down before anything is: afterwards it could not be told any more."""
        if note.get("sources") is not None:
            return
        asked = self._asked(place) if self.which == OUTDATED else None
        sources, last = self._sources(place, note, asked), self._backing(place)[-1]
        note.keep(
            sources=sources,
            write_index=last if last in sources else None,
            asked=checksum(asked.mapping) if asked else None,
        )

    def _see_through(self, place: Place, note: Note) -> None:
        """Wait for the task of an earlier run: had it failed, so will the next one, and be told."""
        if task := tasks.patiently(lambda: tasks.unfinished(place.transport, place.task), place.progress):
            place.progress.say(f"an earlier run has begun a task, which goes on at its own rate: {task}")
            keep_task(note, task)
            with place.progress.bar("reindexing", None, "documents") as bar:
                tasks.attend(
                    place.transport, task, bar.advance, command="ocs-elastic migrate up", progress=place.progress
                )
        place.still_held()
        tasks.forget(place.transport, place.task)

    def _sources(self, place: Place, note: Note, asked: _Asked | None = None) -> dict[str, bool]:
        """The indices to exchange, the newest first → whether they took no writes before."""
        noted: dict[str, bool] | None = note.get("sources")
        if noted is not None:
            return noted
        backing, live = self._backing(place), self._bodies(place)
        chosen = self._differing(place, asked or self._asked(place)) if self.which == OUTDATED else backing
        new = [index for index in chosen if _migration_of(live.get(index, {})) != place.version]
        return {index: _has_write_block(live.get(index, {})) for index in reversed(new)}

    def _differing(self, place: Place, asked: _Asked) -> list[str]:
        """Indices whose mapping is not what the template asks for; their settings are no reason to copy documents."""
        wanted, live = {"settings": {}, "mappings": asked.mapping}, self._bodies(place)
        outdated = {index: difference(wanted, body, kept=asked.kept) for index, body in live.items()}
        return [
            index
            for index in self._backing(place)
            if index in outdated and (outdated[index].fixed or outdated[index].additive)
        ]

    def _asked(self, place: Place) -> _Asked:
        component = wanted_component(place.resources, self._own_components(place))
        wanted = ("index_template", self._stream(place))
        template = next(each for each in place.resources if (each.kind, each.name) == wanted)
        mapping: Body = merged(template.body, component)["mappings"]
        return _Asked(mapping, kept_mapping(place.transport, template, component))

    def _own_components(self, place: Place) -> dict[tuple[str, str], Body | None]:
        """The components that the toolkit never changes, as they are."""
        names = [resource.name for resource in place.resources if resource.name.endswith("@custom")]
        kind = KIND["component_template"]
        return {(kind.name, name): kind.read(place.transport, name) for name in names}

    def _to_roll_over(self, place: Place, note: Note) -> str | None:
        """The index that is written to, if it is to be exchanged: that takes another one to be written to."""
        last = self._backing(place)[-1]
        if note.get("sources") is None:
            return last if last in self._sources(place, note) else None
        return last if last == note.get("write_index") else None

    def _exchanges(self, place: Place, sources: Mapping[str, bool]) -> list[Exchange]:
        stream, pipeline = self._stream(place), self._pipeline(place)
        return [
            Exchange(place, stream, index, blocked, pipeline, self.keep_source_days)
            for index, blocked in sources.items()
        ]

    def _outdated_templates(self, place: Place) -> Iterator[str]:
        """New indices would be made by them, and be outdated as well."""
        stream = self._stream(place)
        template = next(each for each in place.resources if (each.kind, each.name) == ("index_template", stream))
        components = {name for name in template.body["composed_of"] if not name.endswith("@custom")}
        for resource in place.resources:
            if resource is template or (resource.kind == "component_template" and resource.name in components):
                yield from _outdated(place, resource)

    def _missing_privileges(self, place: Place) -> Iterator[str]:
        """Those that only this step needs: an operator's role may be of an older toolkit."""
        if not place.server.security:
            return
        stream = self._stream(place)
        wanted = {f".ds-{stream}-*": "manage", f"{stream}-v*": "write"}
        question = {"index": [{"names": [name], "privileges": [each]} for name, each in wanted.items()]}
        held = place.transport.post("/_security/user/_has_privileges", question)["index"]
        for name, privilege in wanted.items():
            if not held[name][privilege]:
                yield f"this credential lacks {privilege} on {name}: an administrator's ocs-elastic apply grants it"

    def _untouchable(self, place: Place, todo: Sequence[str]) -> Iterator[str]:
        """Indices that cannot be blocked or marked, and such as are not of the stream's own making."""
        if not todo:
            return
        stream = self._stream(place)
        settings = place.transport.get(f"/{stream}/_settings", params={"flat_settings": "true"}) or {}
        for part in parts(todo, dict.fromkeys(todo, 0), settings):
            if part.hindrance:
                yield f"{part.index} cannot be exchanged: {part.hindrance}"
        for index in todo:
            if not index.startswith((f".ds-{stream}-", f"{stream}-v")):
                yield f"{index} was put into {stream} by somebody: take it out (POST /_data_stream/_modify) before this"

    def _without_room(self, place: Place, todo: Sequence[str], *, resumed: bool) -> Iterator[str]:
        """All copies have to find room while what they replace is still kept, below the nodes' high watermarks.

        What an interrupted run has copied has its room already.
        """
        if not todo:
            return
        needed = sum(size for index, size in _sizes(place, self._stream(place)).items() if index in todo)
        if resumed:
            copies = [exchange.destination for exchange in self._exchanges(place, dict.fromkeys(todo, False))]
            needed -= sum(size for copy in copies for size in _sizes(place, copy).values())
        free = _free(place)
        if needed > free:
            yield (
                f"the copies need about {_size(needed)} of disk, and the data nodes have {_size(free)} left below the "
                "high watermark; drop what earlier migrations have replaced, or add room"
            )

    def _backing(self, place: Place) -> list[str]:
        return place.streams.backing(place.transport, self._stream(place))

    def _bodies(self, place: Place) -> dict[str, Body]:
        found: dict[str, Body] = place.transport.get(f"/{self._stream(place)}") or {}
        return found

    def _stream(self, place: Place) -> str:
        return place.stream(self.role)

    def _pipeline(self, place: Place) -> str:
        return place.named(self.pipeline)


def _migration_of(index: Body) -> int | None:
    """The migration that made an index; what this one has made is not made anew by it."""
    made = index.get("mappings", {}).get("_meta", {}).get(MADE)
    return made.get("migration") if isinstance(made, dict) else None


def _has_write_block(index: Body) -> bool:
    return str(index.get("settings", {}).get("index", {}).get("blocks", {}).get("write")) == "true"


def _outdated(place: Place, resource: Resource) -> Iterator[str]:
    kind = KIND[resource.kind]
    live = kind.read(place.transport, resource.name)
    if live is None or kind.normalize(live) != kind.normalize(resource.body):
        how = "is not there" if live is None else "is not what this toolkit and configuration would make of it"
        yield f"{resource} {how}: ocs-elastic apply comes first"


def _sizes(place: Place, name: str) -> dict[str, int]:
    """Index → bytes on disk, of a stream's or of one; nothing where it is absent."""
    answer = place.transport.get(f"/{name}/_stats/store") or {}
    return {index: int(body["total"]["store"]["size_in_bytes"]) for index, body in answer.get("indices", {}).items()}


def _free(place: Place) -> float:
    """Bytes that the data nodes may still take before shards are moved away from them."""
    where = {"include_defaults": "true", "filter_path": f"*.{DISK}"}
    settings = in_force(place.transport.get("/_cluster/settings", params=where) or {})
    where = {"filter_path": "nodes.*.roles,nodes.*.fs.total"}
    nodes = (place.transport.get("/_nodes/stats/fs", params=where) or {}).get("nodes", {}).values()
    free = 0.0
    for node in nodes:
        data = {role for role in node.get("roles", [_DATA]) if role.startswith(_DATA)}
        if data and data != _FROZEN:
            disk = node["fs"]["total"]
            free += max(0.0, disk["available_in_bytes"] - kept_free(settings, "high", disk["total_in_bytes"]))
    return free


def _size(size: float) -> str:
    return f"{size / 2**30:,.1f} GB" if size >= 2**30 else f"{size / 2**20:,.1f} MB"
