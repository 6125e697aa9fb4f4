"""What the indices behind streams have otherwise than their templates ask for, in classes: what each one takes. Pure.

| class | when | what `apply` does |
|---|---|---|
| `mapping` | a field is new, or a parameter changes that a live field may change | puts it into the write index |
| `settings` | a setting changes that an open index takes | sets it on the write index |
| `rollover` | anything else | the stream turns to a new index |
| `rebuild` | anything else, of the latest-state index | deletes it; the transform makes it anew |
| `reindex` | an older index has a field of another form | nothing: a migration does |
| `impossible` | the same, or `mapping`, where it cannot be done | nothing |

What an index has beyond its template stays, and is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from toolkit.canonical import checksum
from toolkit.capabilities import Capabilities
from toolkit.index_difference import IndexDifference, Leaf, difference
from toolkit.kinds.base import flat_settings
from toolkit.live import Stream
from toolkit.model import Body

MAPPING, SETTINGS, ROLLOVER, REBUILD = "mapping", "settings", "rollover", "rebuild"
REINDEX, IMPOSSIBLE = "reindex", "impossible"

LIMITS = "index.mapping."
"""How the names of settings begin that limit what a mapping may hold; they have a row of their own."""

_BLOCKS = ("index.blocks.read_only", "index.blocks.read_only_allow_delete", "index.blocks.metadata")

_FOUND = (
    "Documents that are stored already stay as they are: a new field does not find them (an alias of a field that was "
    "there finds them too)."
)
_MAPPING = f"Taken at once, without a new index: it holds for documents from now on. {_FOUND}"
_MAPPING_OLDER = f"Older indices take it too, so that questions about their time know the field. {_FOUND}"
_MAPPING_LATEST = (
    "Taken at once. It holds for each campaign group from its next message on; until then its document stays as it is."
)
_SETTINGS = (
    "Holds at once for the index that takes the messages, without a new one; older indices keep theirs. "
    "Stored documents stay as they are."
)
_SETTINGS_LATEST = "Holds at once. Stored documents stay as they are."
_ROLLOVER = "The stream turns to a new index. Stored documents stay as they are; new ones follow the new template."
_REBUILD = (
    "An index that is there cannot take it, and this one holds only what the transform makes of the stream. So the "
    "transform is stopped, the index deleted and made anew, and the transform begins again with all that the stream "
    "holds. Until it is through, the latest state is incomplete; a campaign group whose last message the stream does "
    "not hold any more stays away. The stream's own documents stay as they are."
)
_LOST = (
    "It is not there, and the transform would go on from where it was. So it begins again with all that the stream "
    "holds. The stream's own documents stay as they are."
)
_OLD_FORM = (
    "Documents in these indices keep the old form of these fields; those in newer ones have the new. Questions that "
    "reach so far back fail on them or leave them out."
)
_ROLE = {"ocs-campaign-groups": "campaign_groups", "ocs-dead-letters": "dead_letters"}


@dataclass(frozen=True, slots=True)
class Classed:
    """Differences of one class, for one or more indices alike."""

    action: str
    leaves: tuple[Leaf, ...]
    meaning: str
    indices: tuple[str, ...] = ()
    """The indices that it is about, the oldest first; empty: the stream as a whole."""
    body: Body | None = None
    """What is put into each of them."""


def of_stream(
    name: str,
    wanted: Body,
    stream: Stream,
    *,
    server: Capabilities,
    kept: Body | None = None,
    older_indices: bool = False,
) -> Iterator[Classed]:
    """The classes of what a data stream's indices have otherwise.

    Args:
        name: the stream's.
        wanted: what `toolkit.effective.merged` gives for its template.
        stream: its indices.
        server: whether it can exchange the indices behind a stream.
        kept: the wanted mapping as the server would write it down; None: unknown.
        older_indices: whether new fields are put into older indices too.
    """
    here = difference(wanted, stream.body, kept=kept)
    past = {index: (body, difference(wanted, body, kept=kept)) for index, body in stream.older.items()}
    turns = bool(here.static or here.fixed) and not stream.waits_for_rollover
    # Where the next message makes a new index, this one is an older already. Before a rollover it gets new fields if
    # no setting is another: one may be what a field needs (an analyzer, a limit), and without it would be refused.
    if stream.waits_for_rollover or (turns and (here.static or here.in_place)):
        past[stream.write_index] = (stream.body, here)
    yield from _mappings(stream, here, past, older_indices=older_indices)
    if turns:
        yield Classed(ROLLOVER, (*here.static, *_in_the_mapping(here.fixed)), _ROLLOVER)
        past[stream.write_index] = (stream.body, here)
    elif not stream.waits_for_rollover:
        yield from _settings(here, stream.write_index, _SETTINGS)
    yield from _old_forms(name, past, server)


def of_latest_state(
    name: str, wanted: Body, index: Body | None, *, transform: bool, kept: Body | None = None
) -> Iterator[Classed]:
    """The classes of what the latest-state index has otherwise.

    Args:
        name: the index's.
        wanted: what `toolkit.effective.merged` gives for its template.
        index: the server's answer for it; None: it is absent.
        transform: whether the transform that writes it is there.
        kept: the wanted mapping as the server would write it down; None: unknown.
    """
    if index is None:
        if transform:
            yield Classed(REBUILD, (), _LOST, (name,))
        return
    here = difference(wanted, index, kept=kept)
    if here.static or here.fixed:
        yield Classed(REBUILD, (*here.static, *_in_the_mapping(here.fixed)), _REBUILD, (name,))
        return
    if here.mapping:
        yield Classed(MAPPING, here.additive, _MAPPING_LATEST, (name,), here.mapping)
    yield from _settings(here, name, _SETTINGS_LATEST)


def _settings(here: IndexDifference, index: str, meaning: str) -> Iterator[Classed]:
    """Those that limit the mapping apart: they are set before new fields, which may need them."""
    for limits in (True, False):
        if leaves := tuple(leaf for leaf in here.in_place if leaf.path.startswith(LIMITS) == limits):
            body = {leaf.path: here.settings[leaf.path] for leaf in leaves}
            yield Classed(SETTINGS, leaves, meaning, (index,), body)


def _mappings(
    stream: Stream, here: IndexDifference, past: Mapping[str, tuple[Body, IndexDifference]], *, older_indices: bool
) -> Iterator[Classed]:
    """Those of the write index first; then, if wanted, those of the older ones."""
    behind = {index: found for index, (_, found) in past.items() if found.mapping}
    if here.mapping and stream.write_index not in past:
        rest = ""
        if behind and not older_indices:
            rest = f" {len(behind)} older of the stream's indices do not get it; with --older-indices they do."
        yield Classed(MAPPING, here.additive, _MAPPING + rest, (stream.write_index,), here.mapping)
    if not older_indices:
        return
    shut = {index: reason for index in behind if (reason := _shut(past[index][0]))}
    for indices in _alike((index, found.mapping) for index, found in behind.items() if index not in shut):
        found = behind[indices[0]]
        yield Classed(MAPPING, found.additive, _MAPPING_OLDER, indices, found.mapping)
    for index, reason in shut.items():
        yield Classed(IMPOSSIBLE, behind[index].additive, f"It does not take new fields: {reason}.", (index,))


def _old_forms(name: str, past: Mapping[str, tuple[Body, IndexDifference]], server: Capabilities) -> Iterator[Classed]:
    """Older indices with fields that no request changes any more, alike ones together."""
    step = f"`reindex: {{stream: {_ROLE.get(name.rpartition('-')[0], name)}}}`"
    fixed = {index: found.fixed for index, (_, found) in past.items() if found.fixed}
    why = {index: _exchange_impossible(server) or _shut(past[index][0]) for index in fixed}
    for indices in _alike((index, [leaves, why[index]]) for index, leaves in fixed.items()):
        leaves = _in_the_mapping(fixed[indices[0]])
        if reason := why[indices[0]]:
            yield Classed(IMPOSSIBLE, leaves, f"{_OLD_FORM} That cannot be changed here: {reason}.", indices)
        else:
            how = f"Apply leaves them; a migration with the step {step} brings them into the new form."
            yield Classed(REINDEX, leaves, f"{_OLD_FORM} {how}", indices)


def _exchange_impossible(server: Capabilities) -> str:
    return "" if server.data_stream_modify else f"{server} cannot exchange the indices behind a data stream"


def _shut(index: Body) -> str:
    """Why an index cannot be changed; empty: it can."""
    settings = flat_settings(index.get("settings") or {})
    for block in _BLOCKS:
        if settings.get(block) == "true":
            return f"{block} is set"
    return "it is a searchable snapshot" if settings.get("index.store.type") == "snapshot" else ""


def _alike(items: Iterable[tuple[str, object]]) -> list[tuple[str, ...]]:
    """The indices with equal values together, in the order of the first of each."""
    groups: dict[str, list[str]] = {}
    for index, value in items:
        groups.setdefault(checksum(value), []).append(index)
    return [tuple(indices) for indices in groups.values()]


def _in_the_mapping(leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
    """So that they are not taken for settings, beside which they stand."""
    return tuple(leaf._replace(path=f"mapping of {leaf.path}") for leaf in leaves)
