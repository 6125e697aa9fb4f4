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
    yield "If the cluster asks for a credential, one of OCS's own, never yours:"
    for way in found.authentication:
        yield from _items([f"{way.name}: {way.how}"])
        yield fill(f"needs {way.needs}", _WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield ""
    yield "Not confirmed for this notification:"
    yield from _items(found.unconfirmed)


def _items(items: Iterable[str]) -> Iterator[str]:
    """Items of a list; a URI is never cut."""
    for item in items:
        yield fill(
            item,
            _WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
