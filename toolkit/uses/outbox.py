"""Messages that are posted as OCS posts them, and taken away again whatever happens."""

from __future__ import annotations

from types import TracebackType

from toolkit.client.refusal import remedy_of_a_block
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError, ToolkitError, UnreachableError
from toolkit.model import Progress
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target, post_one
from toolkit.ocs.tally import Answer
from toolkit.uses.verification import Place

GONE = "it is not there any more"
_NO_CREDENTIAL = (
    "no credential was sent, and the server asks for one: give OCS's own, as ocs-elastic verify --help says"
)
_ELSEWHERE = "nothing takes messages at this address: check OCS's URI, and what stands before the cluster"
_NEVER_SENT = ("connection refused", "unknown host", "TLS failed")
_UNAUTHORIZED = 401
_REMEDIES = {
    _UNAUTHORIZED: "the server does not know this credential: check user and password, or the API key",
    403: "the credential needs the privilege create_doc on both data streams of the namespace",
    404: _ELSEWHERE,
    405: _ELSEWHERE,
    413: "something between here and Elasticsearch limits the size of a message",
    429: "the cluster has more to do than it can: OCS's messages are lost just so",
}


class Outbox:
    """Knows what it posted and has not deleted yet. What ends its block early makes it delete that, or name it."""

    def __init__(self, transport: Transport, target: Target, progress: Progress, *, keep: bool) -> None:
        """An empty one.

        Args:
            transport: deletes what was posted.
            target: where to post, with the credential for it.
            progress: told what is left behind.
            keep: whether everything stays where it is.
        """
        self._transport, self._target, self._progress, self._keep = transport, target, progress, keep
        self._there: dict[str, Place | None] = {}
        """What it is, in words → where it is; None: perhaps somewhere, since no answer was seen."""

    @property
    def left(self) -> list[Place]:
        """Where messages are that are still there."""
        return [place for place in self._there.values() if place]

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if kind is not None:  # an interruption too
            self._clean_up()

    def post(self, message: Message, words: str, *, which: str = "") -> Place:
        """Post it, once, like OCS.

        Args:
            message: what is posted.
            words: what it will be, for people.
            which: what tells it from others, for people.

        Raises:
            UnreachableError, RejectedError: it was not taken.
        """
        self._there[words] = None  # beforehand: an interruption may come at any point from here on
        try:
            place = self._posted(message, which, f"if it was taken after all, {words} is left")
        except ToolkitError:
            del self._there[words]  # the error says what became of it
            raise
        self._there[words] = place
        return place

    def delete(self, words: str) -> str:
        """Delete it by its own place: what became of it, in a word or in the server's."""
        place = self._there[words]
        if place is None:
            return GONE
        result = self._delete(place)
        if result in ("deleted", GONE):
            del self._there[words]
        return result

    def _posted(self, message: Message, which: str, may_be_left: str) -> Place:
        answer, target = post_one(message, self._target), self._target
        if answer.status is None:
            hint = "check the address, the network and TLS, and that the server is up"
            if answer.error not in _NEVER_SENT:
                hint += f"; {may_be_left}"
            raise UnreachableError(f"no answer from {target}: {answer.error}: {answer.detail}", hint=hint)
        if answer.error is not None:
            raise _refusal(answer, target, which)
        if not isinstance(answer.index, str) or not isinstance(answer.id, str):
            raise RejectedError(
                f"{target} answered {answer.status}, but not where the message is",
                hint=f"something else answers there in Elasticsearch's place; {may_be_left}",
            )
        return Place(answer.index, answer.id, answer.failure_store)

    def _delete(self, place: Place) -> str:
        try:
            answer = self._transport.delete(place.path, params={"refresh": "true"})
        except ToolkitError as error:
            return error.reason
        return str(answer["result"]) if answer else GONE

    def _clean_up(self) -> None:
        """Delete all on the way out, or name it; what ended the block is what gets raised."""
        reasons: dict[str, str] = {}
        try:
            for words in [] if self._keep else [each for each, place in self._there.items() if place]:
                reasons[words] = self.delete(words)
        finally:  # a second interruption too
            otherwise = "kept" if self._keep else "interrupted"
            for words, place in self._there.items():
                if place:
                    self._progress.say(f"left behind: {place} ({reasons.get(words, otherwise)})")
                else:
                    self._progress.say(f"interrupted while posting; if it was taken after all, {words} is left")


def _refusal(answer: Answer, target: Target, which: str) -> RejectedError:
    otherwise = "OCS would lose every message in this way; see the server's log"
    remedy = remedy_of_a_block(answer.detail or "") or _REMEDIES.get(answer.status or 0, otherwise)
    if answer.status == _UNAUTHORIZED and "Authorization" not in target.headers:
        remedy = _NO_CREDENTIAL
    return RejectedError(f"{target} refused the message{which}: {answer.error}: {answer.detail}", hint=remedy)
