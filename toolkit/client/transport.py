"""Requests to a cluster: paths and bodies in, plain dicts or errors of ours out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.errors import RejectedError, UnreachableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods whose requests name their target, so that a second one does no harm."""


class Transport:
    """A connection to a cluster, over Elasticsearch's own client."""

    def __init__(self, client: Elasticsearch, url: str) -> None:
        self._client = client
        self.url = url

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """The answer to a GET; None where the server has nothing there."""
        return self._request("GET", path, None, params)

    def put(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        """Create or replace what the path names."""
        return self._request("PUT", path, body, params)

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        """A request that is sent once, whatever happens."""
        return self._request("POST", path, body, params)

    def delete(self, path: str, params: dict[str, str] | None = None) -> Any:
        """Remove what the path names; None where there was nothing."""
        return self._request("DELETE", path, None, params)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, method: str, path: str, body: Any, params: dict[str, str] | None) -> Any:
        import elasticsearch  # noqa: PLC0415 - the client costs start-up time

        client = self._client.options(max_retries=2 if method in _REPEATABLE else 0)
        try:
            answer = client.perform_request(method, path, params=params, headers=_HEADERS, body=body)
        except elasticsearch.NotFoundError as error:
            if method in ("GET", "DELETE"):
                return None
            raise self._rejected(method, path, error) from error
        except elasticsearch.ApiError as error:
            raise self._rejected(method, path, error) from error
        except elasticsearch.TransportError as error:
            raise UnreachableError(
                f"{self.url} does not answer: {error.message}",
                hint="check the address, the network and TLS, and that the server is up",
            ) from error
        except elasticsearch.UnsupportedProductError as error:
            raise RejectedError(
                f"{self.url} is no Elasticsearch: {error}",
                hint="OpenSearch other than the embedded engine is not supported",
            ) from error
        return answer.body

    def _rejected(self, method: str, path: str, error: Any) -> RejectedError:
        status = error.meta.status
        return RejectedError(f"{self.url} answered {status} to {method} {path}: {reason(error.body)}", status=status)


def reason(body: Any) -> str:
    """The root cause in a server's error answer, from the outermost reason to the innermost."""
    if not isinstance(body, dict):
        return str(body)[:300]
    error = body.get("error")
    if not isinstance(error, dict):
        return str(error or body)[:300]
    reasons: list[str] = []
    while isinstance(error, dict):
        text = str(error.get("reason") or error.get("type"))
        if text not in reasons:
            reasons.append(text)
        error = error.get("caused_by")
    return ": ".join(reasons)
