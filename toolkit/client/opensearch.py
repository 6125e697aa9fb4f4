"""Lets Elasticsearch's client speak to OpenSearch, the embedded engine."""

from __future__ import annotations

from typing import Any

from elastic_transport import HttpHeaders, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT


class OpenSearchNode(Urllib3HttpNode):
    """Speaks plain JSON, since OpenSearch answers 406 to Elastic's media type, and signs the answers.

    The signature is the header by which the client knows Elasticsearch; it refuses every answer without it.
    """

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = DEFAULT,
    ) -> Any:
        """Perform the request with plain headers, and sign the answer."""
        headers = HttpHeaders(headers or {})
        for name in ("accept", "content-type"):
            if name in headers:
                headers[name] = "application/json"
        response = super().perform_request(method, target, body, headers, request_timeout)
        response.meta.headers["x-elastic-product"] = "Elasticsearch"
        return response
