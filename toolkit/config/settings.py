"""What the resources are rendered from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.config.document import document
from toolkit.errors import ConfigurationError, nearest

NAMESPACE = re.compile(r"[a-z0-9_.]{1,80}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the resources are rendered from: how long, how many, how large."""

    namespace: str = "default"
    """Ends the name of everything that is not shared by the whole cluster."""
    retention_days: int = 90
    """The greatest age of a document."""
    dead_letter_retention_days: int = 90
    """The greatest age of a dead letter."""
    shards: int = 1
    """Primary shards of each index of the stream."""
    replicas: str = "0-1"
    """A number, or a range that follows the number of nodes."""
    rollover_size: str = "25gb"
    """The greatest size of a primary shard before the stream turns to a new index."""
    refresh_interval_s: int = 5
    """Seconds until a document can be found."""
    index_mode: str = "auto"
    """`auto` (`logsdb` where the server knows it), `standard` or `logsdb`."""
    transform_frequency_s: int = 10
    """Seconds between two looks of the latest-state transform."""
    current_state_days: int = 30
    """Days after which a campaign group that sends nothing leaves the latest-state index."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Enum → id → label, where others than the catalogue's are wanted; for the whole cluster."""
    state_change_actions: tuple[str, ...] | None = None
    """Ids of the actions that make a message a `state_change`; None: the catalogue's."""

    @property
    def transform_delay_s(self) -> int:
        """Seconds that the transform waits for late documents: a refresh, and some more."""
        return self.refresh_interval_s + 5


def load_settings(path: Path | None, *, namespace: str | None = None) -> Settings:
    """Settings from flags, the environment, `ocs-elastic.yml` and defaults, in this order.

    Args:
        path: the file; None: `ocs-elastic.yml` in the working folder, where there is one.
        namespace: the flag's value.

    Raises:
        ConfigurationError: an unknown key or a value that cannot be used; the reason names its place.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    file = document(path)
    if file:
        for key, value in file.value.items():
            if key == "profiles":
                continue
            if key not in _KEYS:
                raise ConfigurationError(f"{file.at(key)}: unknown key '{key}'", hint=nearest(key, _KEYS))
            values[key], places[key] = value, file.at(key)
    for key in _KEYS - {"labels", "state_change_actions"}:
        name = f"OCS_ELASTIC_{key.upper()}"
        if text := os.environ.get(name):
            values[key], places[key] = int(text) if text.isascii() and text.isdigit() else text, name
    if namespace is not None:
        values["namespace"], places["namespace"] = namespace, "--namespace"
    for key, value in values.items():
        _check(key, value, places[key])
    if isinstance(values.get("replicas"), int):
        values["replicas"] = str(values["replicas"])
    if "state_change_actions" in values:
        values["state_change_actions"] = tuple(values["state_change_actions"])
    return Settings(**values)


def _is_count(least: int) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 200


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "namespace": (
        lambda v: isinstance(v, str) and bool(NAMESPACE.fullmatch(v)),
        "1 to 80 of a-z, 0-9, '_' and '.'",
    ),
    "retention_days": (_is_count(1), "a whole number of days, 1 or more"),
    "dead_letter_retention_days": (_is_count(1), "a whole number of days, 1 or more"),
    "shards": (_is_count(1), "a whole number, 1 or more"),
    "replicas": (
        lambda v: _is_count(0)(v) or (isinstance(v, str) and bool(re.fullmatch(r"\d+(-(\d+|all))?", v))),
        "a number, or a range such as 0-1",
    ),
    "rollover_size": (
        lambda v: isinstance(v, str) and bool(re.fullmatch(r"[1-9]\d*(mb|gb)", v)),
        "a size such as 25gb",
    ),
    "refresh_interval_s": (_is_count(1), "a whole number of seconds, 1 or more"),
    "index_mode": (lambda v: v in ("auto", "standard", "logsdb"), "auto, standard or logsdb"),
    "transform_frequency_s": (
        lambda v: _is_count(1)(v) and v <= 3600,
        "a whole number of seconds, 1 to 3600",
    ),
    "current_state_days": (_is_count(1), "a whole number of days, 1 or more"),
    "labels": (
        lambda v: (
            isinstance(v, dict)
            and all(isinstance(i, dict) and all(isinstance(label, str) for label in i.values()) for i in v.values())
        ),
        "enum → id → label",
    ),
    "state_change_actions": (
        lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v),
        "a list of action ids",
    ),
}
_KEYS = frozenset(_CHECKS)


def _check(key: str, value: Any, place: str) -> None:
    fits, expected = _CHECKS[key]
    if not fits(value):
        raise ConfigurationError(f"{place}: '{key}' must be {expected}, not {value!r}")
