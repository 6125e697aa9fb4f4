"""`ocs-elastic.yml`, as it was written, with its lines; every key known, every value one that can be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from toolkit.config.keys import CONNECTION, OCS, SETTINGS, Key
from toolkit.errors import ConfigurationError, SourceError, nearest
from toolkit.yaml_source import Document, Where, load

FILE = Path("ocs-elastic.yml")
"""Its name, in the working folder, where no other is given."""
PROFILES = "profiles"


def document(path: Path | None) -> Document | None:
    """The configuration file: the given one, `OCS_ELASTIC_CONFIG`, or `ocs-elastic.yml` in the working folder.

    None where there is none, or it is empty.

    Raises:
        ConfigurationError: it cannot be read, holds an unknown key, or a value that cannot be used.
    """
    given = path or (Path(os.environ["OCS_ELASTIC_CONFIG"]) if os.environ.get("OCS_ELASTIC_CONFIG") else None)
    file = given or FILE
    if given is None and not file.exists():
        return None
    try:
        document = load(file)
    except SourceError as error:
        raise ConfigurationError(error.reason, hint=error.hint) from error
    if document.value is None:
        return None
    if not isinstance(document.value, dict):
        raise ConfigurationError(f"{document.at()}: must be a mapping of settings")
    _check(document)
    return document


def profile_named(flag: str | None) -> str | None:
    """The profile that a flag or else `OCS_ELASTIC_PROFILE` names."""
    return flag or os.environ.get("OCS_ELASTIC_PROFILE") or None


def profile_in(file: Document | None, name: str) -> dict[str, Any] | None:
    """What the file says of a profile; None where it has none of that name."""
    profiles = file.value.get(PROFILES) if file else None
    found: dict[str, Any] | None = profiles.get(name) if profiles else None
    return found


def _check(file: Document) -> None:
    """All profiles, not only the one in use: a slip in production's is better found before its day."""
    _check_keys(file, (), {k: v for k, v in file.value.items() if k != PROFILES}, SETTINGS)
    profiles = file.value.get(PROFILES, {})
    if profiles is None:  # all of them are commented out
        return
    if not isinstance(profiles, dict):
        raise ConfigurationError(f"{file.at(PROFILES)}: '{PROFILES}' must be a mapping of names to settings")
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            raise ConfigurationError(f"{file.at(PROFILES, name)}: profile '{name}' must be a mapping of settings")
        _check_keys(file, (PROFILES, name), profile, {**SETTINGS, **CONNECTION, **OCS})


def _check_keys(file: Document, place: Where, values: dict[str, Any], known: dict[str, Key]) -> None:
    for name, value in values.items():
        key = known.get(name)
        if key is None:
            raise ConfigurationError(f"{file.at(*place, name)}: unknown key '{name}'", hint=_hint(str(name), known))
        if refusal := key.refusal(value):
            raise ConfigurationError(f"{file.at(*place, name)}: {refusal}")


def _hint(name: str, known: dict[str, Key]) -> str:
    if name in CONNECTION or name in OCS:
        return f"'{name}' belongs in a profile, under '{PROFILES}' and a name of your choice"
    return nearest(name, known)
