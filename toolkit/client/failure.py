"""What it means when no answer comes: the reason, and what to do about it; pure.

The library's own message names classes and object addresses; the cause at the bottom of it says what happened.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

import urllib3.exceptions

from toolkit.client.trust import FingerprintError
from toolkit.errors import UnreachableError

_UNTRUSTED = "give its CA: ca_file, or fingerprint (ELASTICSEARCH_CA_FILE, ELASTICSEARCH_FINGERPRINT)"
_CERTIFICATES = {
    9: ("is not valid yet", "compare the clocks of both machines"),
    10: ("has expired", "whoever runs the server must renew it; or is this machine's clock wrong?"),
    18: ("is self-signed, and not trusted", _UNTRUSTED),
    19: ("comes from a CA that is not trusted", _UNTRUSTED),
    20: ("comes from a CA that is not trusted", _UNTRUSTED),
    21: ("comes from a CA that is not trusted", _UNTRUSTED),
    62: ("is for another host", "use a name that the certificate holds"),
    64: ("is for another host", "use a name that the certificate holds"),
}
"""OpenSSL's verify codes."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL")


def unreachable(
    error: BaseException,
    url: str,
    *,
    proxy: str | None,
    timeout_s: float,
    usual_port: str = "Elasticsearch's is usually 9200",
    answered: bool = False,
) -> UnreachableError:
    """The error to raise for one of the client's; `url` and `proxy` as people may see them.

    `answered` says whether anything was answered at this address before, so that it is the right one.
    """
    causes = list(_causes(error))
    blamed = url
    if proxy and any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes):
        blamed = f"the proxy {proxy}"
    for cause in causes:
        what, hint = (
            _trust(cause, url)
            or _network(cause, blamed, timeout_s, usual_port)
            or _protocol(cause, url, proxy)
            or _cut(cause, url, answered=answered)
            or ("", "")
        )
        if what:
            return UnreachableError(what, hint=hint)
    return UnreachableError(
        f"{blamed} does not answer: {causes[0]}", hint="check the address and that the server is up"
    )


def was_sent(error: BaseException) -> bool:
    """Whether the request may have reached the server: not if no connection came about."""
    never = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    proxied = urllib3.exceptions.ProxyError
    return not any(isinstance(cause, (*never, proxied)) for cause in _causes(error))


def _trust(cause: BaseException, url: str) -> tuple[str, str] | None:
    if isinstance(cause, FingerprintError):
        return (
            f"{url} sends no certificate of the given fingerprint, but {', '.join(cause.found)}",
            "compare with the server's own: openssl x509 -fingerprint -sha256 -noout -in http_ca.crt",
        )
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return None
    what, hint = _CERTIFICATES.get(cause.verify_code, ("is not trusted", _UNTRUSTED))
    return f"the certificate of {url} {what} ({cause.verify_message or cause})", hint


def _network(cause: BaseException, blamed: str, timeout_s: float, usual_port: str) -> tuple[str, str] | None:
    if isinstance(cause, socket.gaierror):
        return f"the name of {blamed} cannot be found: {cause.strerror}", "check its spelling, and this machine's DNS"
    if isinstance(cause, ConnectionRefusedError):
        hint = f"check host and port ({usual_port}), and that it is up"
        return f"{blamed} refuses the connection: nothing listens there", hint
    if isinstance(cause, urllib3.exceptions.ConnectTimeoutError | TimeoutError) and _is_outermost_time_out(cause):
        hint = "check the address, and that no firewall is in between; a longer wait: request_timeout_s"
        return f"{blamed} cannot be reached within {timeout_s:g} s", hint
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        hint = "what was asked may have been done all the same; a longer wait: request_timeout_s"
        return f"{blamed} did not answer within {timeout_s:g} s", hint
    if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"there is no way to {blamed}: {cause.strerror}", "check the address and the network"
    return None


def _is_outermost_time_out(cause: BaseException) -> bool:
    """A `NewConnectionError` is a `ConnectTimeoutError` too, by descent only."""
    return not isinstance(cause, urllib3.exceptions.NewConnectionError)


def _protocol(cause: BaseException, url: str, proxy: str | None) -> tuple[str, str] | None:
    if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
        answer = str(cause).removeprefix("Tunnel connection failed: ")
        hint = "give its user and password: proxy: http://user:password@host:port" if answer.startswith("407") else None
        return f"the proxy {proxy} does not let through to {url}: {answer}", hint or "ask whoever runs the proxy"
    if isinstance(cause, ssl.SSLError) and any(word in str(cause) for word in _NO_TLS):
        return f"{url} does not speak TLS there", "it may be http: write the address as http://…, or check the port"
    if isinstance(cause, ssl.SSLError):
        return (
            f"no TLS connection to {url} comes about: {cause.reason or cause}",
            "check the address and both TLS set-ups",
        )
    return None


def _cut(cause: BaseException, url: str, *, answered: bool) -> tuple[str, str] | None:
    """A connection that ended too early; what was asked may have been done all the same."""
    again = "run it again; if it happens again, see the log of the server, or of what is in between"
    if isinstance(cause, http.client.IncompleteRead):
        return f"{url} ended the connection in the middle of its answer", again
    ended = isinstance(cause, http.client.BadStatusLine | ConnectionResetError | ConnectionAbortedError)
    if not ended or isinstance(cause, urllib3.exceptions.HTTPError):
        return None
    may_be_https = url.startswith("http:") and not answered
    return f"{url} ended the connection without an answer", (
        "it may be https: write the address as https://…" if may_be_https else again
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it came from, outermost first."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [arg for arg in current.args if isinstance(arg, BaseException)]
        pending += [current.__cause__, *inner, current.__context__]
