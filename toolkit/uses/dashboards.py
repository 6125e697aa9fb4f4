"""Keeping what was changed by hand in Kibana, as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.dashboards.drift import edited
from toolkit.dashboards.frozen import dump, file_name
from toolkit.dashboards.live import LiveSpace
from toolkit.dashboards.saved_object import SavedObject, normalize
from toolkit.errors import ToolkitError, UsageError, nearest
from toolkit.model import Body
from toolkit.uses.deployment import NO_KIBANA, Deployment


@dataclass(frozen=True, slots=True)
class Frozen:
    """A saved object as the text of a file."""

    title: str
    file: str
    text: str


def freeze(target: Deployment, names: Sequence[str]) -> list[Frozen]:
    """The objects of those names as they are in Kibana now or, without names, those that were changed by hand.

    Raises:
        UsageError: no Kibana is known, or there is no object of a name.
        ToolkitError: an object is not in Kibana, or shows something that is not ours and would be missing elsewhere.
    """
    live = target.space()
    if live is None:
        raise UsageError("no Kibana is known", hint=NO_KIBANA)
    chosen = _named(target, names) if names else _edited(target, live)
    known = {each.id for each in target.saved_objects}
    return [_frozen(each, live, known, target.settings.namespace) for each in chosen]


def write(frozen: Sequence[Frozen], folder: Path) -> None:
    """Write each to its file; one that is there is an older state of the same object.

    Raises:
        ToolkitError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in frozen:
            (folder / each.file).write_text(each.text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ToolkitError(f"{folder} cannot be written: {error.strerror}") from error


def name_of(saved: SavedObject) -> str:
    """The name in its id, such as `state`."""
    return saved.id.split("-")[1]


def _named(target: Deployment, names: Sequence[str]) -> list[SavedObject]:
    """Dashboards before data views of the same name."""
    known: dict[str, SavedObject] = {}
    for each in reversed(target.saved_objects):
        known.setdefault(name_of(each), each)
    for name in names:
        if name not in known:
            raise UsageError(f"no dashboard '{name}'", hint=nearest(name, known))
    return [known[name] for name in names]


def _edited(target: Deployment, live: LiveSpace) -> list[SavedObject]:
    """Those that differ from what was imported, and from what would be."""

    def by_hand(each: SavedObject) -> bool:
        row, body = live.record.rows.get(each.key), live.bodies.get(each.key)
        if row is None or body is None or normalize(body) == normalize(each.body):
            return False
        return edited(body, row, live.version)

    return [each for each in target.saved_objects if by_hand(each)]


def _frozen(saved: SavedObject, live: LiveSpace, known: set[str], namespace: str) -> Frozen:
    body = live.bodies.get(saved.key)
    if body is None:
        raise ToolkitError(
            f"{saved.type} {saved.id} is not in space {live.space} of {live.url}",
            hint="import it first: ocs-elastic dashboards import",
        )
    if foreign := _foreign(body, known):
        raise ToolkitError(
            f"'{saved.title}' shows what is not part of it: {', '.join(foreign)}",
            hint="in Kibana, unlink those panels from the library (in the panel's menu), save, and export again",
        )
    return Frozen(saved.title, file_name(saved, namespace, live.space), dump(body, namespace, live.space))


def _foreign(body: Body, known: set[str]) -> list[str]:
    """References to what this toolkit does not import: a frozen object must be whole by itself."""
    references = body.get("references", [])
    return [f"{each['type']} {each['id']}" for each in references if each["id"] not in known]
