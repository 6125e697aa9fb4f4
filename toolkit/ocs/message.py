"""OCS's message: one JSON object, from a moment of a campaign group's life."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.model import Body
from toolkit.ocs.choices import CallingListShape
from toolkit.ocs.life import Moment
from toolkit.ocs.statistics import PREDICTIVE_MODES, Figures

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is posted."""

    time_ms: int
    """Its simulated time, in milliseconds since 1970 UTC."""
    text: str
    """The body, a JSON object in one line."""
    key: int
    """A number of its campaign group's own: messages with the same key are posted one after the other."""
    moment: Moment | None
    """What happened, with the action and actor that were sent; None for an odd message."""
    odd: str | None = None
    """Class of odd messages, or None for an ordinary one."""


def to_text(body: Body) -> str:
    """A body as OCS sends it: one line, names as they are rather than escaped."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Writer:
    """Writes messages with the numbers of one catalogue."""

    def __init__(self, catalogue: Catalogue, shape: CallingListShape) -> None:
        self._codes = {name: {value.id: value.code for value in enum.values} for name, enum in catalogue.enums.items()}
        self._shape = shape

    def body(self, moment: Moment, figures: Figures, time_ms: int) -> Body:
        """The message's attributes, in the vendor's order; those that a state or mode lacks are left out."""
        codes, group, stay = self._codes, moment.group, moment.stay
        body: Body = {
            "GSW_TENANT_NAME": group.tenant,
            "GSW_TENANT_CCID": group.ccid,
            "GSW_CAMPAIGN_GROUP_NAME": group.name,
            "GSW_CAMPAIGN_GROUP_GUID": group.guid,
            "GSW_GROUP_NAME": group.group,
        }
        if group.campaign is not None:
            body["GSW_CAMPAIGN_NAME"] = group.campaign
        if group.template is not None:
            body["GSW_CAMPAIGN_TEMPLATE_NAME"] = group.template
        body["GSW_QUEUE_NAME"] = group.queue
        if stay.mode is not None:
            body["GSW_DIAL_MODE"] = codes["dial_mode"][stay.mode]
            body |= self._optimization(moment)
        body["GSW_CAMPAIGN_GROUP_STATE"] = codes["state"][stay.state]
        body["GSW_CAMPAIGN_GROUP_ACTION"] = codes["action"][moment.action]
        body["GSW_CAMPAIGN_GROUP_ACTOR"] = codes["actor"][moment.actor]
        body["GSW_DATE_TIME"] = date_time(time_ms)
        return body | _statistics(figures) | _calling_lists(figures, self._shape)

    def _optimization(self, moment: Moment) -> Body:
        if moment.stay.mode not in PREDICTIVE_MODES:
            return {}
        return {
            "GSW_OPTIMIZE_BY": self._codes["optimize_by"][moment.group.optimize_by],
            "GSW_OPTIMIZE_GOAL": moment.group.optimize_goal,
        }


def date_time(time_ms: int) -> str:
    """GSW_DATE_TIME: UTC time as seconds, with millisecond precision, such as `1524768780.123`."""
    return f"{time_ms // 1000}.{time_ms % 1000:03d}"


def iso(time_ms: int) -> str:
    """Milliseconds since 1970 UTC as ISO 8601, such as `2018-04-26T18:53:00.123Z`."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def _statistics(figures: Figures) -> Body:
    return {
        "GSW_STAT_BUSY_FACTOR": figures.busy_factor,
        "GSW_STAT_HIT_RATIO": figures.hit_ratio,
        "GSW_STAT_OVERDIAL_RATE": figures.overdial_rate,
        "GSW_STAT_TIME_TO_COMPLETE": figures.time_to_complete,
    }


def _calling_lists(figures: Figures, shape: CallingListShape) -> Body:
    if shape is CallingListShape.NONE:
        return {}
    if shape is CallingListShape.IN_PLACE:
        return _calling_lists_in_place(figures)
    each: list[tuple[str, dict[str, Any]]] = [
        (one.name, {"GSW_STAT_HIT_RATIO": one.hit_ratio, "GSW_STAT_TIME_TO_COMPLETE": one.time_to_complete})
        for one in figures.lists
    ]
    if shape is CallingListShape.OBJECT:
        return {"GSW_CALLING_LISTS": dict(each)}
    return {"GSW_CALLING_LISTS": [{"GSW_CALLING_LIST_NAME": name, **stats} for name, stats in each]}


def _calling_lists_in_place(figures: Figures) -> Body:
    if figures.hit_ratio is None:
        return {}
    return {
        "GSW_STAT_HIT_RATIO": {one.name: one.hit_ratio for one in figures.lists},
        "GSW_STAT_TIME_TO_COMPLETE": {one.name: one.time_to_complete for one in figures.lists},
    }
