"""What `status` has limits for, and where they come from; pure."""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.config import Settings
from toolkit.config.keys import SETTINGS
from toolkit.config.threshold import Threshold, parse_threshold
from toolkit.errors import UsageError, nearest

_KEY = "_threshold"
MEASURES = tuple(name.removesuffix(_KEY) for name in SETTINGS if name.endswith(_KEY))
"""`silence`, `stale_groups` and so on: each has a key of the configuration, and a figure in `toolkit.uses.health`."""


def thresholds(settings: Settings, flags: Iterable[str] = ()) -> dict[str, Threshold]:
    """Measure → its limits; a flag such as `dead_letters=0,100` goes before the settings.

    Raises:
        UsageError: a flag names no measure, or no limits.
    """
    given = {name: str(getattr(settings, f"{name}{_KEY}")) for name in MEASURES}
    for flag in flags:
        name, _, value = flag.partition("=")
        if name not in given:
            raise UsageError(f"--threshold {flag}: it limits no '{name}'", hint=nearest(name, MEASURES))
        key = SETTINGS[f"{name}{_KEY}"]
        if not key.fits(value):
            hint = f"for example --threshold {name}=10,100; none,100 leaves the warning out"
            raise UsageError(f"--threshold {flag}: '{value}' must be {key.expected}", hint=hint)
        given[name] = value
    automatic = Threshold(settings.stale_after_s, settings.stale_after_s)
    return {name: parse_threshold(value) or automatic for name, value in given.items()}
