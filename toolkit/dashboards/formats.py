"""How Kibana shows fields, wherever they appear: the formats of the data views."""

from __future__ import annotations

import re
from collections.abc import Mapping

from toolkit.catalogue import Catalogue
from toolkit.dashboards.colour import text_on
from toolkit.model import Body

_TIME = {"id": "date", "params": {"pattern": "YYYY-MM-DD HH:mm:ss"}}


def field_formats(catalogue: Catalogue) -> Body:
    """Ratios as per cent, seconds as durations, times without their milliseconds, states in their colours."""
    formats: Body = {}
    for attribute in catalogue.attributes.values():
        if attribute.unit == "ratio":
            formats[attribute.target] = {"id": "percent", "params": {"pattern": "0.0%"}}
        elif attribute.unit == "seconds":
            params = {"inputFormat": "seconds", "outputFormat": "humanizePrecise", "outputPrecision": 0,
                      "useShortSuffix": True, "includeSpaceWithSuffix": True}  # fmt: skip
            formats[attribute.target] = {"id": "duration", "params": params}
        elif attribute.enum == "state":
            formats[f"{attribute.target}.label"] = _coloured(
                {value.label: value.colour for value in catalogue.enums[attribute.enum].values}
            )
        elif attribute.type == "timestamp":
            formats[attribute.target] = _TIME
    for added in catalogue.added:
        if added.type == "timestamp":
            formats[added.name] = _TIME
    return formats


def _coloured(colours: Mapping[str, str]) -> Body:
    rules = [
        {
            "range": "-Infinity:Infinity",
            "regex": f"^{re.escape(label)}$",
            "text": text_on(colour),
            "background": colour,
        }
        for label, colour in colours.items()
    ]
    return {"id": "color", "params": {"fieldType": "string", "colors": rules}}
