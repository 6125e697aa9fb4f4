"""The OCS options as text: first what is pasted, in lines that hold nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill

from toolkit.uses.options import LOG_EVENTS, SINCE, WHERE, OcsOptions

_WIDTH = 100


def text(found: OcsOptions) -> str:
    """What to paste, why, and what nobody has confirmed."""
    return "\n".join(_lines(found))


def _lines(found: OcsOptions) -> Iterator[str]:
    yield f"Set these in {WHERE}, OCS {SINCE['notifications']} or later"
    yield f"(statistics from {SINCE['statistics']} on):"
    yield ""
    for option in found.options:
        yield f"{option.name} = {option.value}"
    yield ""
    yield "Why:"
    yield from _items(f"{option.name}: {option.why}" for option in found.options)
    yield ""
    yield from _items(found.notes)
    yield ""
    yield "Look for these events in OCS's log:"
    yield from _items(f"{number} {words}" for number, words in LOG_EVENTS.items())
    yield ""
    yield "If the cluster asks for a credential: one of OCS's own, never yours. It may do this:"
    yield from _items([found.rights])
    yield "It can be presented in one of these ways:"
    for number, way in enumerate(found.authentication, start=1):
        yield ""
        yield f"{number}. {way.name}"
        yield from _facts(how=way.how, needs=way.needs, known=way.known, risk=way.risk)
    yield ""
    yield "Not confirmed for this notification:"
    yield from _items(found.unconfirmed)


def _facts(**facts: str) -> Iterator[str]:
    """One below the other, each behind its own word."""
    for word, fact in facts.items():
        yield _filled(fact, f"   {word}: ", " " * 3)


def _items(items: Iterable[str]) -> Iterator[str]:
    """Items of a list; a URI is never cut."""
    for item in items:
        yield _filled(item, "- ", "  ")


def _filled(text: str, first: str, next_: str) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=next_,
        break_long_words=False,
        break_on_hyphens=False,
    )
