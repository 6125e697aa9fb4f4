"""Files to migrations: `V0002__name.yml`, one migration each, read strictly and checked before any server is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from toolkit.canonical import checksum
from toolkit.errors import SourceError
from toolkit.migrate.check import Check, read_checks
from toolkit.migrate.step import Step
from toolkit.migrate.steps import STEPS
from toolkit.yaml_source import Reader, Where, load

FIRST, FIRST_OWN = 2, 1000
"""The first version of the toolkit's own migrations, since 1 is what `apply` installs; and of those of its users."""
FILE_NAME = re.compile(r"V(?P<version>[0-9]{4}|[1-9][0-9]{4,8})__(?P<name>[a-z0-9]+(?:_[a-z0-9]+)*)\.yml")
_ENDLESS = 10**9
_UNFINISHED = "take the # away from one and fill it in; a file whose name begins with '_' is left aside until then"
_EXPECTED = "V, four digits or more, two underscores, a name of a-z, 0-9 and '_', and .yml: V1000__goal_as_float.yml"
_MEANT = re.compile(r"(?:v[0-9].*|.*\.ya?ml)", re.IGNORECASE)
"""Files that are meant to be migrations, by the right name or a wrong one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A step of a migration, and the checks that its file asks for besides its own."""

    step: Step
    before: tuple[Check, ...]
    after: tuple[Check, ...]
    checksum: str
    """Of what the file says of the step; its checks may be mended without its being another one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What has to happen once, in this order."""

    version: int
    name: str
    description: str
    parts: tuple[Part, ...]
    checksum: str
    """Of what the file says, without comments and layout, and before names of a namespace are put in: the same on
    test, staging and production."""
    source: str

    def __str__(self) -> str:
        return f"V{self.version:04d}__{self.name}"


def read_migrations(folders: Iterable[Path]) -> list[Migration]:
    """The migrations of all folders, in the order of their versions.

    Args:
        folders: the toolkit's own, and the user's where there is one.

    Raises:
        SourceError: a file is not understood, a version stands twice, or one is left out; or the user's folder holds
            one of the toolkit's versions, which a later toolkit would have too.
    """
    found: list[Migration] = []
    for number, folder in enumerate(folders):
        found += [_read(file, FIRST_OWN if number else FIRST) for file in _files(folder)]
    found.sort(key=lambda migration: migration.version)
    for one, other in pairwise(found):
        if one.version == other.version:
            raise SourceError(
                f"{one.source} and {other.source} have the same version, {one.version}",
                hint=f"give the newer one the next version that is free: {next_version(found)}",
            )
    _check_gaps(found)
    return found


def next_version(migrations: Sequence[Migration], *, first: int = FIRST_OWN) -> int:
    """The version that the next migration of the user's gets, or of the toolkit's: those that begin with `first`."""
    series = range(first, FIRST_OWN if first < FIRST_OWN else _ENDLESS)
    return max((m.version + 1 for m in migrations if m.version in series), default=first)


def _files(folder: Path) -> list[Path]:
    """What begins with '_' is a draft, with '.' an editor's."""
    try:
        files = [file for file in folder.iterdir() if _MEANT.fullmatch(file.name)]
    except OSError as error:
        raise SourceError(
            f"{folder}: the folder of migrations cannot be read: {error.strerror}",
            hint="make it, or name another under 'migrations' in ocs-elastic.yml",
        ) from error
    return sorted(file for file in files if file.name[0] not in "._")


def _read(file: Path, first: int) -> Migration:
    source = f"{file.parent.name}/{file.name}"
    name = FILE_NAME.fullmatch(file.name)
    if name is None:
        raise SourceError(f"{source}: not the name of a migration", hint=f"a migration is called {_EXPECTED}")
    if (version := int(name["version"])) < first:
        whose = (
            f"versions below {FIRST_OWN} are the toolkit's own"
            if version >= FIRST
            else ("versions 0 and 1 are what ocs-elastic apply installs")
        )
        raise SourceError(f"{source}: version {version} is taken: {whose}", hint=f"yours begin at {FIRST_OWN}")
    document = load(file, source=source)
    reader = Reader(document)
    top = reader.mapping((), "description steps")
    if not (description := reader.text(("description",), top["description"]).strip()):
        reader.fail(("description",), "is empty: say why this is done, in a sentence")
    if top["steps"] is None:
        reader.fail(("steps",), "there are no steps yet", _UNFINISHED)
    raw = reader.list(("steps",), top["steps"])
    _require_json(reader, (), top)
    return Migration(
        version=version,
        name=name["name"],
        description=description,
        parts=tuple(_part(reader, ("steps", i)) for i in range(len(raw))),
        checksum=checksum(document.value),
        source=source,
    )


def _part(reader: Reader, where: Where) -> Part:
    raw = reader.mapping(where, "", optional=f"before after {' '.join(STEPS)}")
    words = [word for word in STEPS if word in raw]
    if len(words) != 1:
        what = f"{' and '.join(words)}: make each a step of its own" if words else "none of them"
        reader.fail(where, f"a step is one of {', '.join(STEPS)}; this one is {what}")
    return Part(
        step=STEPS[words[0]].read(reader, (*where, words[0])),
        before=read_checks(reader, (*where, "before")),
        after=read_checks(reader, (*where, "after")),
        checksum=checksum({words[0]: raw[words[0]]}),
    )


def _require_json(reader: Reader, where: Where, value: Any) -> None:
    """What is sent to a server, and what checksums are made of, is JSON, and YAML is more than that."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if not isinstance(key, str):
                reader.fail((*where, key), f"a key must be text here: put {key!r} in quotes")
            _require_json(reader, (*where, key), inside)
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            _require_json(reader, (*where, index), inside)
    elif not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
        reader.fail(where, f"is nothing that JSON knows: {value!r}")


def _check_gaps(migrations: Sequence[Migration]) -> None:
    for first, series in ((FIRST, range(FIRST, FIRST_OWN)), (FIRST_OWN, range(FIRST_OWN, _ENDLESS))):
        expected = first
        for migration in migrations:
            if migration.version not in series:
                continue
            if migration.version != expected:
                raise SourceError(
                    f"{migration.source}: version {expected} is missing before it",
                    hint="a file was lost, or a number left out: versions follow each other, yours from "
                    f"{FIRST_OWN} on; bring the file back, or give this one the number {expected}",
                )
            expected += 1
