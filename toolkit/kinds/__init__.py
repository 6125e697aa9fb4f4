"""One file a kind of resource: where its files lie, how it is written, read, deleted, marked and checked.

To add a kind, write its file, put it into KINDS, and add a folder of golden files.
"""

from __future__ import annotations

from toolkit.kinds.base import Kind
from toolkit.kinds.component_template import ComponentTemplate
from toolkit.kinds.data_stream import DataStream
from toolkit.kinds.ilm_policy import IlmPolicy
from toolkit.kinds.index import Index
from toolkit.kinds.index_template import IndexTemplate
from toolkit.kinds.ingest_pipeline import IngestPipeline
from toolkit.kinds.role import Role
from toolkit.kinds.transform import Transform

KINDS: tuple[Kind, ...] = (
    Role(),
    IlmPolicy(),
    IngestPipeline(),
    ComponentTemplate(),
    IndexTemplate(),
    DataStream(),
    Index(),
    Transform(),
)
"""Every kind, in an order in which each stands behind what it depends on."""

KIND = {kind.name: kind for kind in KINDS}
"""The kinds by name."""
