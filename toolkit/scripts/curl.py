"""A script for a POSIX shell and curl: Debian 11 and Git Bash on Windows have all that it needs.

curl 7.74 does not know `--fail-with-body`, hence the statuses are compared here. Every file has a name without a
folder, since Git Bash rewrites arguments that look like paths, but not where `@` stands before them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from toolkit.kinds.request import Request, When
from toolkit.scripts.steps import Head, Step, pretty

_HEAD = r"""#!/bin/sh
# Makes Elasticsearch take campaign group notifications straight from OCS: @count@ resources.
# Written by ocs-elastic @toolkit@ for @server@, namespace @namespace@.
#
# It needs curl, and nothing else that a shell does not have. From the environment it takes:
#   ELASTICSEARCH_URL                                    the cluster's address, such as https://host:9200
#   ELASTICSEARCH_API_KEY                                a credential: this,
#   ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD    or these two
#   ELASTICSEARCH_CA_FILE                                certificates to trust, where the system does not
#
# It says what it does and stops at the first error. It may be run again, after an error too: what can only be
# created once is looked for first. It deletes nothing.

set -eu
LC_ALL=C
export LC_ALL

say() {
  printf '%s\n' "$1"
}

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

[ -n "${ELASTICSEARCH_URL:-}" ] || fail 'ELASTICSEARCH_URL is not set; it looks like https://host:9200'
command -v curl > /dev/null || fail 'there is no curl'

ca_file=${ELASTICSEARCH_CA_FILE:-}
case $ca_file in
  '' | /* | ?:*) ;;
  *) ca_file=$PWD/$ca_file ;;
esac

folder=$(mktemp -d)
trap 'cd / && rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cd "$folder"

# line NAME VALUE: a line of a curl configuration.
line() {
  printf '%s = "%s"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')"
}

# configuration PATH: address and credential, for curl's standard input; other users can read its arguments.
configuration() {
  line url "${ELASTICSEARCH_URL%/}$1"
  if [ -n "${ELASTICSEARCH_API_KEY:-}" ]; then
    line header "Authorization: ApiKey $ELASTICSEARCH_API_KEY"
  elif [ -n "${ELASTICSEARCH_USERNAME:-}" ]; then
    line user "$ELASTICSEARCH_USERNAME:${ELASTICSEARCH_PASSWORD:-}"
  fi
}

# request METHOD PATH [OPTION ...]: the answer goes to the file answer, its status to $status.
request() {
  method=$1 path=$2
  shift 2
  if [ -n "$ca_file" ]; then
    set -- "$@" --cacert "$ca_file"
  fi
  : > answer
  status=$(configuration "$path" | curl --config - --globoff --silent --show-error --max-time 60 \
    --request "$method" --output answer --write-out '%{http_code}' "$@") ||
    fail "$method $path: no answer"
}

refused() {
  printf 'error: %s %s was answered by %s:\n' "$method" "$path" "$status" >&2
  cat answer >&2
  echo >&2
  exit 1
}

# send METHOD PATH: the body comes from standard input.
send() {
  cat > body
  request "$1" "$2" --header 'Content-Type: application/json' --header 'Expect:' --data-binary @body
  case $status in
    2??) ;;
    *) refused ;;
  esac
}

# absent PATH: whether nothing is there.
absent() {
  request GET "$1"
  case $status in
    404) return 0 ;;
    200) return 1 ;;
    *) refused ;;
  esac
}

# stopped PATH: whether the statistics there hold the state "stopped".
stopped() {
  request GET "$1"
  [ "$status" = 200 ] || refused
  case $(cat answer) in
    *'"state":"stopped"'*) return 0 ;;
    *'"state":"failed"'*) refused ;;
    *) return 1 ;;
  esac
}

request GET /
[ "$status" = 200 ] || refused
version=$(tr -d ' \n' < answer | sed -n 's/.*"number":"\([^"]*\)".*/\1/p')
[ -n "$version" ] || fail 'what answers at ELASTICSEARCH_URL is no Elasticsearch'
say "The cluster runs version $version."
if [ "$version" != @version@ ]; then
  say 'note: this script was written for @version@; write it anew if the server refuses something.'
fi
"""

_TAIL = r"""
say ''
say 'Done. OCS posts to the address of the cluster and @stream@'
"""


def script(steps: Sequence[Step], head: Head) -> str:
    """Run it with `sh`; its lines end in LF, and all of it is ASCII, so that no editor can spoil it."""
    values = {
        "count": str(len(steps)),
        "toolkit": head.toolkit_version,
        "server": head.server,
        "namespace": head.namespace,
        "version": head.server_version,
        "stream": head.stream_path,
    }
    blocks = ("\n".join(_block(step, number, len(steps))) for number, step in enumerate(steps, start=1))
    return _filled(_HEAD, values) + "\n" + "\n\n".join(blocks) + "\n" + _filled(_TAIL, values)


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _block(step: Step, number: int, count: int) -> Iterator[str]:
    yield f"say {shlex.quote(f'{number} of {count}: {step.resource}')}"
    for i, request in enumerate(step.requests):
        following = step.requests[i + 1] if i + 1 < len(step.requests) else None
        yield from _conditional(request, otherwise=following)


def _conditional(request: Request, *, otherwise: Request | None) -> Iterator[str]:
    """One request; what is sent where it is not needed becomes its `else`."""
    match request.when:
        case When.ALWAYS:
            yield from _send(request)
        case When.PRESENT:
            pass  # written with the one before it
        case When.ABSENT | When.STOPPED:
            yield f"if {request.when.value} {shlex.quote(request.ask or request.path)}; then"
            yield from _send(request)
            yield "else"
            if otherwise and otherwise.when == When.PRESENT:
                yield from _send(otherwise)
            else:
                yield f"say '  {'is there already' if request.when == When.ABSENT else 'is started already'}'"
            yield "fi"


def _send(request: Request) -> Iterator[str]:
    command = f"send {request.method} {shlex.quote(request.path)}"
    if request.body is None:
        yield f"{command} < /dev/null"
        return
    yield f"{command} << 'BODY'"
    yield pretty(request.body, ascii_only=True)
    yield "BODY"
