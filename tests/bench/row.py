"""A row of the table: what was measured of two sides, as often as it was repeated, and what it should come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Aim:
    """The ratio that a row should come to."""

    limit: float
    at_least: bool = False
    """Whether more is better: a throughput; else less is, as of a time."""

    def met(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of two sides that were measured in turn."""

    name: str
    """By which `reasons.yml` and README know it; lower case, words joined by `-`."""
    what: str
    """Our side, in words."""
    against: str
    """The other side, in words."""
    unit: str
    """Of both sides' figures, such as `documents/s`."""
    ours: tuple[float, ...]
    """One figure a repeat."""
    theirs: tuple[float, ...]
    """One figure a repeat, taken next to that of our side."""
    aim: Aim | None = None
    note: str = ""
    """What else was seen in the same run."""
    client_share: float | None = None
    """The client's part of all CPU that was spent, where there is one that could have been the brake."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours against theirs, repeat by repeat, so that a machine whose speed drifts does no harm."""
        return tuple(our / their for our, their in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        """What counts: the median."""
        return median(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        return self.aim.met(self.ratio) if self.aim else None

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        aim = {"limit": self.aim.limit, "at_least": self.aim.at_least} if self.aim else None
        return {
            "what": self.what,
            "against": self.against,
            "unit": self.unit,
            "ours": list(self.ours),
            "theirs": list(self.theirs),
            "aim": aim,
            "note": self.note,
            "client_share": self.client_share,
        }

    @classmethod
    def from_json(cls, name: str, said: Mapping[str, Any]) -> Row:
        """What `as_json` wrote."""
        return cls(
            name,
            said["what"],
            said["against"],
            said["unit"],
            tuple(said["ours"]),
            tuple(said["theirs"]),
            Aim(**said["aim"]) if said["aim"] else None,
            said["note"],
            said["client_share"],
        )


class Loaded(Protocol):
    """What came of a load that a client made."""

    @property
    def client_share(self) -> float:
        """The client's part of all CPU that was spent."""


L = TypeVar("L", bound=Loaded)


def compared(
    name: str,
    what: str,
    *,
    against: str,
    unit: str,
    ours: Sequence[L],
    theirs: Sequence[L],
    figure: Callable[[L], float],
    aim: Aim | None,
) -> Row:
    """The row of one figure of two loads; the arguments are the row's, `figure` is read from each repeat."""
    share = median(each.client_share for each in (*ours, *theirs))
    return Row(name, what, against, unit, tuple(map(figure, ours)), tuple(map(figure, theirs)), aim, client_share=share)
