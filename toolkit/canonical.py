"""One way to write JSON down, so that equal values have equal checksums whoever wrote them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ALGORITHM = "1"  # raise it when canonical() changes, so that old checksums are not compared with new ones


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def checksum(value: Any) -> str:
    """`algorithm:sha256` of the value's canonical JSON."""
    return f"{_ALGORITHM}:{hashlib.sha256(canonical(value).encode()).hexdigest()}"
