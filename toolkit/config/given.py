"""What one source of the configuration says, key by key, before it is understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.config.connection import ONE_CREDENTIAL
from toolkit.config.secret import open_to_all, read_secret
from toolkit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Given:
    """What one source says."""

    source: str
    values: dict[str, Any] = field(repr=False)
    places: dict[str, str]
    folder: Path = field(default_factory=Path)
    """What paths are relative to."""

    def path(self, name: str) -> Path | None:
        """The file that a key names."""
        text = self.values.get(name)
        return self.folder / Path(text).expanduser() if text else None

    def secret(self, name: str) -> str | None:
        """The secret itself (from the environment only) or what the file for it holds.

        Raises:
            ConfigurationError: both are given, or the file cannot be used.
        """
        file = self.path(f"{name}_file")
        if file is None:
            value: str | None = self.values.get(name)
            return value
        place = self.places[f"{name}_file"]
        if name in self.values:
            raise ConfigurationError(f"{place}: {self.places[name]} is given too", hint=ONE_CREDENTIAL)
        return read_secret(file, place)

    def warnings(self, *names: str) -> list[str]:
        """Of those keys that name a secret's file, what should be known of it.

        A warning, not a refusal: containers mount secrets readable by all.
        """
        files = filter(None, map(self.path, names))
        return [f"{f} can be read by everyone on this machine: chmod 600 {f}" for f in files if open_to_all(f)]
