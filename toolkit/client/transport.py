"""Requests to a cluster: paths and bodies in, plain dicts or errors of ours out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from toolkit.client import guard, refusal
from toolkit.errors import RejectedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from toolkit.config import Connection

_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_ASK_SHARDS = ("/_search", "/_msearch", "/_count")
_RETRIES = 2
_TIMEOUT_S = 30.0


class Transport:
    """A connection to a cluster, over Elasticsearch's own client."""

    def __init__(
        self, client: Elasticsearch, url: str, *, connection: Connection | None = None, read_only: bool = False
    ) -> None:
        self._client = client
        # Each is a whole client over the same connections: to make one a request would be a fifth of the work for it.
        self._repeating, self._once = client.options(max_retries=_RETRIES), client.options(max_retries=0)
        self._connection = connection
        self._answered = False
        """Whether anything has been answered at this address: then its scheme is right."""
        self.url = url
        """The address for people."""
        self.read_only = read_only
        """Whether anything that writes is an error, and is not sent."""
        self.on_write: Callable[[str, str], None] = lambda _method, _path: None
        """Is told method and path right before and right after every write; what it raises ends the request."""

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """The answer to a GET; None where the server has nothing there."""
        return self._request("GET", path, None, params)

    def put(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        """Create or replace what the path names."""
        return self._request("PUT", path, body, params)

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        """A request that, unless it only reads, is sent once, whatever happens."""
        return self._request("POST", path, body, params)

    def delete(self, path: str, params: dict[str, str] | None = None, body: Any = None) -> Any:
        """Remove what the path, or the body, names; None where there was nothing."""
        return self._request("DELETE", path, body, params)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, method: str, path: str, body: Any, params: dict[str, str] | None) -> Any:
        guard.check(method, path, params, body, read_only=self.read_only)
        if not guard.writes(method, path):
            answer = self._answer(method, path, body, params)
            if path.endswith(_ASK_SHARDS) and (error := refusal.incomplete(self.url, f"{method} {path}", answer)):
                raise error
            return answer
        self.on_write(method, path)
        answer = self._answer(method, path, body, params)
        self.on_write(method, path)
        return answer

    def _answer(self, method: str, path: str, body: Any, params: dict[str, str] | None) -> Any:
        import elasticsearch  # noqa: PLC0415 - the client costs start-up time

        try:
            return self._send(method, path, body, params)
        except elasticsearch.UnsupportedProductError as error:  # an ApiError too, so it comes first
            raise refusal.no_elasticsearch(self.url, error.body) from error
        except elasticsearch.NotFoundError as error:
            if method in ("GET", "DELETE"):
                return None
            raise self._rejected(method, path, error) from error
        except elasticsearch.ApiError as error:
            raise self._rejected(method, path, error) from error
        except elasticsearch.SerializationError as error:
            raise refusal.no_elasticsearch(self.url, None) from error
        except elasticsearch.TransportError as error:
            from toolkit.client.failure import unreachable  # noqa: PLC0415

            raise unreachable(
                error, self.url, proxy=self._proxy, timeout_s=self._timeout_s, answered=self._answered
            ) from error

    def _send(self, method: str, path: str, body: Any, params: dict[str, str] | None) -> Any:
        """Send once, or more often if that does no harm: to another host if no connection to the first came about."""
        import elasticsearch  # noqa: PLC0415

        repeatable = guard.repeatable(method, path, params)
        client = self._repeating if repeatable else self._once
        attempts_left = 0 if repeatable or self._connection is None else len(self._connection.others)
        while True:
            try:
                answer = client.perform_request(method, path, params=params, headers=_HEADERS, body=body)
            except elasticsearch.ConnectionError as error:
                from toolkit.client.failure import was_sent  # noqa: PLC0415

                if attempts_left == 0 or was_sent(error):
                    raise
                attempts_left -= 1
            else:
                self._answered = True
                return answer.body

    @property
    def _proxy(self) -> str | None:
        return self._connection.shown_proxy if self._connection else None

    @property
    def _timeout_s(self) -> float:
        return self._connection.request_timeout_s if self._connection else _TIMEOUT_S

    def _rejected(self, method: str, path: str, error: Any) -> RejectedError:
        return refusal.rejected(self.url, f"{method} {path}", error.meta.status, error.body, self._connection)
