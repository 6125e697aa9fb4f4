"""What each schema of the toolkit installs, kept for ever: every later one has to be able to follow it.

`0001/ENGINE/KIND/NAME.json` is a body as it was written to that engine, with scripts as the names of files in
`0001/scripts`; `0001/messages/CASE` holds a message and the document, or dead letter, that came of it.

The fixture of the schema that the catalogue has now is written by `make golden`, as the golden files are. Once the
catalogue's schema rises it is final, and its checksum goes into RELEASED.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.golden.test_resources import CASES, with_scripts_named
from toolkit import __version__
from toolkit.canonical import checksum
from toolkit.config import Settings
from toolkit.effective import effective
from toolkit.load import desired
from toolkit.model import Body, Resource
from toolkit.resources import data_folder

FOLDER = Path(__file__).parent
RELEASED: dict[int, str] = {}
"""Schema → checksum of its fixture. None that stands here ever changes."""

NAMESPACE = "schemas"
SETTINGS = Settings(namespace=NAMESPACE)
"""The fixed configuration: the defaults, as they were then."""
ENGINES = ("opensearch-3.6.0", "elasticsearch-8.3.3", "elasticsearch-8.17.2")
"""For the embedded engine, and for the two generations that resources are rendered for; see the golden files."""
MESSAGES = (
    "full-state-change",
    "full-activity",
    "not-running",
    "only-a-guid",
    "code-unknown",
    "code-as-text",
    "name-too-long",
    "time-iso-offset",
    "time-text",
    "calling-lists-by-name",
    "unknown-attributes",
    "foreign-message",
)
"""Golden cases, one for each part of the document contract; the last is a dead letter."""

# The order in which resources are put on a bare engine, and where; none of the toolkit's present code, which may by
# then write something else.
PATHS = {
    "role": "/_security/role/{}",
    "ilm_policy": "/_ilm/policy/{}",
    "ingest_pipeline": "/_ingest/pipeline/{}",
    "component_template": "/_component_template/{}",
    "index_template": "/_index_template/{}",
    "data_stream": "/_data_stream/{}",
    "index": "/{}",
    "transform": "/_transform/{}",
}

_ANY_VERSION = "any"
"""The toolkit's version in a mark is written for people and never compared, so a new one writes no new fixture."""
_SCRIPTS = re.compile(r"<[\w.]+\.painless>(?: <[\w.]+\.painless>)*")


@dataclass(frozen=True)
class Fixture:
    """What one schema installs."""

    folder: Path

    @property
    def schema(self) -> int:
        """Its number."""
        return int(self.folder.name)

    @property
    def engines(self) -> list[str]:
        """What it was rendered for."""
        return sorted(path.name for path in self.folder.iterdir() if path.name not in ("messages", "scripts"))

    @property
    def files(self) -> dict[str, str]:
        """Path inside its folder → text."""
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}

    @property
    def checksum(self) -> str:
        """Of all files."""
        return checksum(self.files)

    def resources(self, engine: str) -> list[Resource]:
        """What it installs there, in the order in which it is put there."""
        scripts = {path.name: path.read_text(encoding="utf-8") for path in (self.folder / "scripts").iterdir()}
        return [
            Resource(kind, path.stem, _with_scripts(json.loads(path.read_text(encoding="utf-8")), scripts), path.name)
            for kind in PATHS
            for path in sorted((self.folder / engine / kind).glob("*.json"))
        ]

    def messages(self) -> Iterator[tuple[str, str, Any]]:
        """Case, message, and what came of it: `{"document": …}` or `{"dead letter": …}`."""
        for case in sorted((self.folder / "messages").iterdir()):
            message = (case / "message.json").read_text(encoding="utf-8").strip()
            yield case.name, message, json.loads((case / "document.json").read_text(encoding="utf-8"))


def fixtures(folder: Path = FOLDER) -> list[Fixture]:
    """All that there are, the oldest first."""
    return [Fixture(path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name.isdecimal()]


def rendered() -> dict[str, str]:
    """What the fixture of the catalogue's schema has to be: path inside its folder → text."""
    pipelines = data_folder("ingest_pipelines")
    files = {f"scripts/{path.name}": path.read_text(encoding="utf-8") for path in pipelines.glob("*.painless")}
    for engine in ENGINES:
        for resource in desired(SETTINGS, CASES[engine][1]):
            body = _of_any_version(with_scripts_named(resource.body))
            text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
            files[f"{engine}/{resource.kind}/{resource.name}.json"] = text
    cases = FOLDER.parent / "golden" / "pipeline" / "cases"
    for case in MESSAGES:
        for name in ("message.json", "document.json"):
            files[f"messages/{case}/{name}"] = (cases / case / name).read_text(encoding="utf-8")
    return files


def faults(found: list[Fixture], schema: int, released: Mapping[int, str]) -> list[str]:
    """What is wrong with the fixtures of all schemas before the catalogue's, and how to put it right."""
    there = {fixture.schema: fixture for fixture in found}
    said = []
    for number in range(1, schema):
        if number not in there:
            said.append(
                f"schema {number} has no fixture: check out the last commit whose catalogue has it, run `make golden` "
                f"there, and bring tests/schemas/{number:04} from there"
            )
        elif number not in released:
            said.append(
                f"schema {number} is not the catalogue's any more, so its fixture is final: put its checksum into "
                f'RELEASED of tests/schemas/__init__.py: {number}: "{there[number].checksum}"; '
                f"and write that of schema {schema}: make golden"
            )
        elif there[number].checksum != released[number]:
            said.append(
                f"the fixture of schema {number}, which is released, has changed: "
                f"git checkout tests/schemas/{number:04}"
            )
    said += [f"tests/schemas/{number:04} is of a schema that is not yet" for number in there if number > schema]
    return said


def changed_types(older: Fixture, newer: Fixture) -> list[str]:
    """Fields that have one type in the older schema and another in the newer.

    While one follows the other, pipelines and mappings of both meet: documents of the one go through the mapping of
    the other. What means something else, or has another type, needs a field of another name.
    """
    said = []
    for engine in sorted({*older.engines} & {*newer.engines}):
        before, after = types(older.resources(engine)), types(newer.resources(engine))
        said += [
            f"{engine}: {field} of {pattern}: {before[pattern, field]} in schema {older.schema}, "
            f"{after[pattern, field]} in schema {newer.schema}"
            for pattern, field in sorted(before.keys() & after.keys())
            if before[pattern, field] != after[pattern, field]
        ]
    return said


def types(resources: list[Resource]) -> dict[tuple[str, str], str]:
    """Index pattern and field → type, by templates and their components; multi-fields too."""
    components = {each.name: each.body for each in resources if each.kind == "component_template"}
    found: dict[tuple[str, str], str] = {}

    def walk(pattern: str, prefix: str, fields: Mapping[str, Any]) -> None:
        for name, field in fields.items():
            found[pattern, prefix + name] = field.get("type", "object")
            for inside in ("properties", "fields"):
                walk(pattern, f"{prefix}{name}.", field.get(inside, {}))

    for template in (each.body for each in resources if each.kind == "index_template"):
        for pattern in template["index_patterns"]:
            walk(pattern, "", effective(template, components.get)["mappings"].get("properties", {}))
    return found


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text in it changed."""
    if isinstance(value, dict):
        return {key: _walked(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _of_any_version(body: Body) -> Any:
    def change(text: str) -> str:
        text = text.replace(f"toolkit_version={__version__} ", f"toolkit_version={_ANY_VERSION} ")
        return _ANY_VERSION if text == __version__ else text

    return _walked(body, change)


def _with_scripts(body: Body, scripts: Mapping[str, str]) -> Body:
    def change(text: str) -> str:
        return "".join(scripts[name[1:-1]] for name in text.split(" ")) if _SCRIPTS.fullmatch(text) else text

    changed: Body = _walked(body, change)
    return changed
