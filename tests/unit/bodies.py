"""Reads the simulator's messages as the strictest of receivers would."""

from __future__ import annotations

import json
from typing import Any

from toolkit.catalogue import read_catalogue
from toolkit.ocs.message import Message

CATALOGUE = read_catalogue()
START_MS = 1_524_768_780_123


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key stands twice"
    return dict(pairs)


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def strict(message: Message) -> dict[str, Any]:
    """The body, by a parser that takes neither double keys nor NaN nor what is not UTF-8."""
    raw = message.text.encode("utf-8", errors="strict")
    assert b"\n" not in raw
    body = json.loads(raw, object_pairs_hook=unique, parse_constant=no_constant)
    assert isinstance(body, dict)
    return body
