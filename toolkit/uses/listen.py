"""Hears what OCS really sends: each request judged, its document shown, samples kept without names; nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty
from threading import Event
from typing import Any

from toolkit import __version__
from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.errors import ToolkitError, UsageError
from toolkit.kinds.ingest_pipeline import PIPELINE, IngestPipeline
from toolkit.listen import masking
from toolkit.listen.check import Checked, check
from toolkit.listen.pseudonyms import Pseudonyms
from toolkit.listen.request import Received, Trouble
from toolkit.listen.server import Listener
from toolkit.listen.summary import Summary
from toolkit.listen.values import beyond_64_bits
from toolkit.load import configured, desired
from toolkit.model import Body
from toolkit.streams import Streams

SAMPLES_BYTES_MAX = 50 * 1024 * 1024
"""What a file of samples may grow to: whoever reaches the port decides how much is sent."""
_TEXT_MAX = 65_536  # characters that are kept of a body that is no JSON
_LOOK_S = 0.2
_BEYOND_64_BITS = "it holds an integer beyond 64 bits, which _simulate refuses although the stream takes it"
"""Seen on a real Elasticsearch 8.3.3."""


@dataclass(frozen=True, slots=True)
class Document:
    """What would come of a message."""

    index: str | None
    """The data stream that it would go to; None: there is no document."""
    source: Body | None
    reason: str = ""
    """Why there is none."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


class Preview:
    """Asks a cluster what its engine makes of a message; nothing needs to be installed there, and nothing is stored."""

    def __init__(self, transport: Transport, server: Capabilities, settings: Settings) -> None:
        self.transport, self.server = transport, server
        (pipeline,) = (r for r in desired(settings, server) if (r.kind, r.name) == (IngestPipeline.name, PIPELINE))
        body = {key: value for key, value in pipeline.body.items() if key != "_meta"}
        stream = json.dumps(Streams(settings.namespace).campaign_groups)
        self._before = f'{{"pipeline": {json.dumps(body)}, "docs": [{{"_index": {stream}, "_source": '

    def document(self, checked: Checked) -> Document | None:
        """The document; None where there is nothing to ask for.

        The message's own text is sent, so that numbers stay as they were written.
        """
        if checked.json_text is None:
            return None
        if beyond_64_bits(checked.message):
            return Document(None, None, _BEYOND_64_BITS)
        text = f"{self._before}{checked.json_text}}}]}}"
        try:
            answer = self.transport.post("/_ingest/pipeline/_simulate", text)
        except ToolkitError as error:
            return Document(None, None, error.reason)
        found = answer["docs"][0]
        if "doc" not in found:
            return Document(None, None, str(found.get("error", {}).get("reason", found)))
        return Document(found["doc"]["_index"], found["doc"]["_source"])


def preview(connection: Connection, settings: Settings) -> Preview:
    """A preview by that cluster's engine.

    Raises:
        UnreachableError, RejectedError: it does not answer, or is not supported.
    """
    transport = connect(connection, read_only=True)
    return Preview(transport, capabilities(transport), settings)


class Samples:
    """A file of what came, one JSON object a line, with pseudonyms for names: to be sent to the maintainers."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        """Create the file, for its owner only.

        Raises:
            UsageError: it is there already, or cannot be created.
        """
        self.path = path
        self.written = 0
        self.full: str | None = None
        """Why no more is written."""
        self._pseudonyms = Pseudonyms(catalogue)
        try:
            self._stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except FileExistsError as error:
            raise UsageError(f"--samples {path}: there is such a file already", hint="name another") from error
        except OSError as error:
            raise UsageError(f"--samples {path}: cannot be created: {error.strerror}") from error
        self._write({"ocs_elastic": __version__, "schema": catalogue.schema, "names": "pseudonyms, by a key not kept"})

    def add(self, checked: Checked) -> None:
        """Keep a request, without names and secrets."""
        if self._write(self._sample(checked)):
            self.written += 1

    def close(self) -> None:
        """No more is to come."""
        self._stream.close()

    def _write(self, value: Body) -> bool:
        if self.full:
            return False
        line = json.dumps(value).encode("ascii") + b"\n"
        if self._stream.tell() + len(line) > SAMPLES_BYTES_MAX:
            self.full = f"it has {SAMPLES_BYTES_MAX // 1024 // 1024} MB, which is enough"
            return False
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            self.full = f"cannot be written: {error.strerror}"
            return False
        return True

    def _sample(self, checked: Checked) -> Body:
        received, names = checked.received, self._pseudonyms
        findings = (
            {"level": finding.level.value, "attribute": names.key(finding.attribute), "what": finding.what}
            for finding in checked.findings
        )
        sample: Body = {
            "method": received.method if received.method.isalpha() and len(received.method) < 10 else "?",
            "path": names.path(masking.path(received.path)),
            "version": received.version,
            "tls": received.tls,
            "headers": names.headers(masking.headers(received.headers)),
            "nth_of_connection": received.nth,
            "stays_open": received.stays_open,
            "bytes": len(received.body),
            "encoding": checked.encoding,
            "not_ascii": _not_ascii(received.body) if checked.encoding == "not UTF-8" else [],
            "findings": list(findings),
        }
        if checked.message is not None:
            sample["body"] = names.message(checked.message)
        elif checked.text is not None:
            sample["text"] = names.text(checked.text[:_TEXT_MAX])
        return sample


def _not_ascii(body: bytes) -> list[str]:
    """Which bytes beyond ASCII occur: they tell the encoding, and no name."""
    return [f"{byte:02x}" for byte in sorted(set(body)) if byte > 0x7F]


@dataclass
class Listening:
    """One run: what comes is judged by the listener, then shown by whoever goes through `heard`."""

    settings: Settings
    asked: Preview | None = None
    """What shows documents; None: no cluster is given."""
    samples: Samples | None = None
    catalogue: Catalogue = field(init=False)
    summary: Summary = field(init=False)

    def __post_init__(self) -> None:
        self.catalogue = configured(read_catalogue(), self.settings)
        self.summary = Summary(self.catalogue)

    def judge(self, received: Received) -> Checked:
        """What is to be said of a request; called by the listener."""
        return check(received, self.catalogue, time.time_ns() // 1_000_000)

    def heard(self, listener: Listener, stop: Event) -> Iterator[tuple[Checked | Trouble, Document | None]]:
        """Everything that comes, one by one, until `stop` is set or the listener has had as many as it should."""
        while not stop.is_set():
            try:
                heard = listener.heard.get(timeout=_LOOK_S)
            except Empty:
                continue
            self.summary.add(heard)
            document = None
            if isinstance(heard, Checked):
                document = self.asked.document(heard) if self.asked else None
                if self.samples:
                    self.samples.add(heard)
            yield heard, document
            if listener.count is not None and self.summary.requests >= listener.count:
                return
