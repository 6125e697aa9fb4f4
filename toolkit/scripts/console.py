"""A script for Kibana's Dev Tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.kinds.request import Request, When
from toolkit.scripts.steps import Head, Step, pretty


def script(steps: Sequence[Step], head: Head) -> str:
    """Paste it, select all, send it."""
    blocks = [_head(head, len(steps))]
    for number, step in enumerate(steps, start=1):
        comment = f"# {number} of {len(steps)}: {step.resource}"
        for request in step.requests:
            blocks.append("\n".join([comment, *_notes(request), *_lines(request)]))
            comment = f"# {number} of {len(steps)}, continued"
    return "\n\n".join(blocks) + "\n"


def _head(head: Head, count: int) -> str:
    return f"""\
# Makes Elasticsearch take campaign group notifications straight from OCS: {count} resources.
# Written by ocs-elastic {head.toolkit_version} for {head.server}, namespace {head.namespace}.
#
# Paste it into Kibana's Dev Tools, select all of it, and send it. It may be sent again, and deletes nothing.
# Where a comment calls an answer harmless, nothing was changed and nothing is wrong; should Dev Tools stop there,
# go on with the request behind it. Any other answer of 400 and above: stop, and put right what it says.
#
# Afterwards OCS posts to the cluster's address and {head.stream_path}"""


def _notes(request: Request) -> Iterator[str]:
    match request.when:
        case When.ABSENT:
            yield f"# Sent again, it answers {request.harmless}, it exists already: harmless."
        case When.PRESENT:
            yield "# Sent for the first time, it changes nothing."
        case When.STOPPED:
            yield f"# Sent again, it answers {request.harmless}, it is started already: harmless."


def _lines(request: Request) -> Iterator[str]:
    yield f"{request.method} {request.path}"
    if request.body is not None:
        yield pretty(request.body)
