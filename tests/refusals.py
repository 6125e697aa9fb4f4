"""What the roles must refuse, each with the action that the server names and a privilege that would allow it.

`{ns}` stands for the namespace, `{other}` for another one, `{index}` for the backing index of the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.lock import INDEX

STREAM, DEAD_LETTERS = "/ocs-campaign-groups-{ns}", "/ocs-dead-letters-{ns}"
TIME = "2026-11-23T10:00:00.123Z"


@dataclass(frozen=True)
class Refusal:
    """A request, and what the server says of it."""

    method: str
    path: str
    action: str
    granted_by: str
    body: Any = None
    params: dict[str, str] | None = None

    def happens(self, transport: Transport, **names: str) -> None:
        """Check that exactly this is refused, and that the message helps."""
        with pytest.raises(RejectedError) as raised:
            transport._request(self.method, self.path.format(**names), self.body, self.params)
        assert raised.value.status == 403, raised.value.reason
        said = re.search(
            r"action \[(.+?)\] is unauthorized for (?:user|API key id) .* privileges \[(.+?)\]", raised.value.reason
        )
        assert said, raised.value.reason
        assert said[1] == self.action
        assert self.granted_by in said[2].split(",")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


_DOCUMENT = {"@timestamp": TIME}
_SECURITY = [
    Refusal("GET", "/_security/role", "cluster:admin/xpack/security/role/get", "manage_security"),
    Refusal(
        "PUT", "/_security/role/x", "cluster:admin/xpack/security/role/put", "manage_security", {"cluster": ["all"]}
    ),
    Refusal("GET", "/_security/user", "cluster:admin/xpack/security/user/get", "manage_security"),
    Refusal(
        "PUT",
        "/_security/user/x",
        "cluster:admin/xpack/security/user/put",
        "manage_security",
        {"password": "a-Password", "roles": ["superuser"]},
    ),
    Refusal(
        "POST", "/_security/api_key", "cluster:admin/xpack/security/api_key/create", "manage_own_api_key", {"name": "x"}
    ),
]
_OVERWRITE = Refusal(
    "PUT",
    "/{index}/_doc/an-id",
    "indices:data/write/index:op_type/index",
    "index",
    _DOCUMENT,
    {"if_seq_no": "0", "if_primary_term": "1"},
)
"""Without a condition, or on the stream itself, it is a 400 to everybody."""

OCS = [
    Refusal("POST", f"{STREAM}/_search", "indices:data/read/search", "read", {}),
    Refusal("POST", f"{STREAM}/_count", "indices:data/read/search", "read", {}),
    Refusal("GET", f"{STREAM}/_doc/an-id", "indices:data/read/get", "read"),
    Refusal("GET", "/{index}/_doc/an-id", "indices:data/read/get", "read"),
    Refusal("POST", f"{DEAD_LETTERS}/_search", "indices:data/read/search", "read", {}),
    Refusal("DELETE", f"{STREAM}/_doc/an-id", "indices:data/write/delete", "delete"),
    Refusal("DELETE", "/{index}/_doc/an-id", "indices:data/write/delete", "delete"),
    _OVERWRITE,
    Refusal("POST", f"{STREAM}/_update/an-id", "indices:data/write/update", "index", {"doc": {}}),
    Refusal("PUT", "/ocs-other", "indices:admin/create", "create_index"),
    Refusal("POST", "/ocs-campaign-groups-{ns}x/_doc", "indices:admin/auto_create", "create_index", _DOCUMENT),
    *(
        Refusal("POST", f"/{name}/_doc", "indices:data/write/bulk[s]", "create_doc", _DOCUMENT)
        for name in ("ocs-campaign-groups-{other}", "ocs-dead-letters-{other}", "ocs-current-state-{ns}", INDEX)
    ),
    Refusal("POST", f"{STREAM}/_rollover", "indices:admin/rollover", "manage"),
    Refusal("POST", f"{STREAM}/_refresh", "indices:admin/refresh", "maintenance"),
    Refusal("GET", f"{STREAM}/_settings", "indices:monitor/settings/get", "view_index_metadata"),
    Refusal("PUT", f"{STREAM}/_settings", "indices:admin/settings/update", "manage", {"index.refresh_interval": "9s"}),
    Refusal("DELETE", "/{index}", "indices:admin/delete", "delete_index"),
    Refusal("GET", "/_cluster/health", "cluster:monitor/health", "monitor"),
    Refusal("GET", "/_nodes/plugins", "cluster:monitor/nodes/info", "monitor"),
    Refusal("GET", "/_index_template", "indices:admin/index_template/get", "manage_index_templates"),
    Refusal("DELETE", "/_index_template/x", "indices:admin/index_template/delete", "manage_index_templates"),
    Refusal("GET", "/_component_template", "cluster:admin/component_template/get", "manage_index_templates"),
    Refusal("GET", "/_ingest/pipeline", "cluster:admin/ingest/pipeline/get", "manage_pipeline"),
    Refusal("PUT", "/_ingest/pipeline/x", "cluster:admin/ingest/pipeline/put", "manage_pipeline", {"processors": []}),
    *_SECURITY,
]
"""To OCS's user: everything but adding documents to the two streams of its namespace."""

OPERATOR = [
    *_SECURITY,
    Refusal("POST", "/somebody-elses/_search", "indices:data/read/search", "read", {}),
    Refusal("PUT", "/somebody-elses", "indices:admin/create", "create_index"),
    Refusal("DELETE", "/somebody-elses", "indices:admin/delete", "delete_index"),
    Refusal("PUT", "/somebody-elses/_doc/an-id", "indices:data/write/bulk[s]", "index", _DOCUMENT),
    Refusal("PUT", "/_cluster/settings", "cluster:admin/settings/update", "manage", {"persistent": {"a": 1}}),
]
"""To the operator's: who may do what, and what is not the toolkit's."""

VIEWER = [
    *(
        Refusal("POST", f"/{name}/_search", "indices:data/read/search", "read", {})
        for name in ("ocs-campaign-groups-{other}", "ocs-dead-letters-{other}", INDEX)
    ),
    Refusal("POST", f"{STREAM}/_doc", "indices:data/write/index", "create_doc", _DOCUMENT),
    Refusal("PUT", "/ocs-current-state-{ns}/_doc/an-id", "indices:data/write/index", "index", _DOCUMENT),
    replace(_OVERWRITE, action="indices:data/write/index"),  # who may write nowhere is refused before the bulk begins
    Refusal("DELETE", "/{index}/_doc/an-id", "indices:data/write/delete", "delete"),
    Refusal("POST", f"{STREAM}/_rollover", "indices:admin/rollover", "manage"),
    Refusal("PUT", f"{STREAM}/_settings", "indices:admin/settings/update", "manage", {"index.refresh_interval": "9s"}),
    Refusal("DELETE", "/{index}", "indices:admin/delete", "delete_index"),
    Refusal("GET", "/_cluster/health", "cluster:monitor/health", "monitor"),
    Refusal("GET", "/_index_template", "indices:admin/index_template/get", "manage_index_templates"),
    Refusal("GET", "/_ingest/pipeline", "cluster:admin/ingest/pipeline/get", "manage_pipeline"),
    *_SECURITY,
]
"""To the user of who looks at dashboards: every change, and what is not of its namespace."""
