"""Two limits of a figure, as monitoring systems have them: beyond one it is a warning, beyond the other critical."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NONE = "none"
"""Written for a limit that there is not."""
_LIMIT = rf"{NONE}|0|[1-9][0-9]{{0,8}}"
_PAIR = re.compile(rf"(?P<warning>{_LIMIT}),(?P<critical>{_LIMIT})")
PAIR_EXPECTED = "two numbers with a comma between, the second not less than the first; none in the place of either"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Beyond `warning` a figure is a warning, beyond `critical` it is critical; None: never."""

    warning: int | None
    critical: int | None

    def as_json(self) -> dict[str, int | None]:
        """For programs."""
        return {"warning": self.warning, "critical": self.critical}


def parse_threshold(text: Any) -> Threshold | None:
    """The limits of a text such as `0,100`; None where it is no such text."""
    found = _PAIR.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    warning, critical = (None if limit == NONE else int(limit) for limit in found.groups())
    if warning is not None and critical is not None and warning > critical:
        return None
    return Threshold(warning, critical)
