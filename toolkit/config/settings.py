"""What the resources are rendered from, and how the feed is watched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.config.document import document, profile_in, profile_named
from toolkit.config.keys import SETTING_KEYS, SETTINGS
from toolkit.errors import ConfigurationError

_FOLDERS = {"frozen_dashboards", "migrations"}
"""In a file they are relative to it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the resources are rendered from, how long, how many, how large; and what `status` judges the feed by."""

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
    interval_s: int = 10
    """Seconds between two messages of an active campaign group: OCS's `campaigngroup-states-interval`."""
    silent_intervals: int = 3
    """So many of them without a message make a group stale."""
    forget_hours: int = 24
    """Hours that others go on without a stale group before it is forgotten."""
    silence_threshold: str = "auto"
    """Seconds of silence of all; `auto`: the time after which a group is stale. See `toolkit.config.threshold`."""
    stale_groups_threshold: str = "0,0"
    dead_letters_threshold: str = "0,100"
    failures_threshold: str = "0,100"
    unknown_codes_threshold: str = "none,none"
    frozen_dashboards: str | None = None
    """Folder of dashboards that were changed by hand and kept; None: the toolkit's own, which is empty."""
    migrations: str | None = None
    """Folder of the user's own migrations; None: there are only the toolkit's."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Enum → id → label, where others than the catalogue's are wanted; for the whole cluster."""
    state_change_actions: tuple[str, ...] | None = None
    """Ids of the actions that make a message a `state_change`; None: the catalogue's."""

    @property
    def transform_delay_s(self) -> int:
        """Seconds that the transform waits for late documents: a refresh, and some more."""
        return self.refresh_interval_s + 5

    @property
    def stale_after_s(self) -> int:
        """Seconds after which a silent group is stale: its intervals, and a refresh, before which nothing is found."""
        return self.silent_intervals * self.interval_s + self.refresh_interval_s


def load_settings(path: Path | None, *, namespace: str | None = None, profile: str | None = None) -> Settings:
    """Settings from flags, the environment, the profile, the top of `ocs-elastic.yml` and defaults, in this order.

    Args:
        path: the file; None: `ocs-elastic.yml` in the working folder, where there is one.
        namespace: the flag's value.
        profile: the flag's value; None: `OCS_ELASTIC_PROFILE`. One that the file does not have changes nothing here.

    Raises:
        ConfigurationError: an unknown key or a value that cannot be used; the reason names its place.
    """
    values = {**_from_file(path, profile_named(profile)), **dict(_from_environment())}
    if namespace is not None:
        _check("--namespace", "namespace", namespace)
        values["namespace"] = namespace
    if "replicas" in values:
        values["replicas"] = str(values["replicas"])
    if "state_change_actions" in values:
        values["state_change_actions"] = tuple(values["state_change_actions"])
    return Settings(**values)


def _from_file(path: Path | None, profile: str | None) -> dict[str, Any]:
    file = document(path)
    top = file.value if file else {}
    above = (profile_in(file, profile) if profile else None) or {}
    found = {name: value for values in (top, above) for name, value in values.items() if name in SETTINGS}
    for folder in _FOLDERS & found.keys():
        found[folder] = str(Path(file.source if file else "").parent / Path(found[folder]).expanduser())
    return found


def _from_environment() -> Iterator[tuple[str, Any]]:
    for key in SETTING_KEYS:
        if key.variable and (text := os.environ.get(key.variable)):
            value = int(text) if text.isascii() and text.isdigit() and key.name != "namespace" else text
            _check(key.variable, key.name, value)
            yield key.name, value


def _check(place: str, name: str, value: Any) -> None:
    if refusal := SETTINGS[name].refusal(value):
        raise ConfigurationError(f"{place}: {refusal}")
