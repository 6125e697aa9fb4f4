"""Campaign groups: who they are and how they are configured. What happens to them is in `toolkit.ocs.life`.

All names are invented; some are not ASCII, since real ones are not either.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

_TENANTS = (
    # GSW_TENANT_NAME reads `undefined` where the tenant's annex does not set it.
    ("Northwind Bank", "101"),
    ("undefined", "1"),
    ("Müller & Söhne", "102"),
    ("Harbour Energy", "103"),
    ("営業センター", "104"),
    ("Blue Ridge Telecom", "105"),
)
_CAMPAIGNS = (
    "Collections_Early",
    "Collections_Late",
    "Welcome_Calls",
    "Renewals_Q3",
    "Winback",
    "Appointment_Reminder",
    "Survey_NPS",
    "Kündiger_Rückgewinnung",
    "Card_Activation",
    "Fraud_Alert",
    "Upsell_Fiber",
    "契約更新",
)
_TEAMS = (
    "Team North",
    "Team South",
    "Outbound_A",
    "Outbound_B",
    "Team Zürich",
    "Night Shift",
    "Blended_01",
    "営業一課",
    "Homeworkers",
    "Agency Partner",
    "IVR_GVP",
)
_SWITCHES = ("Switch_Main", "Switch_Backup", "SIP_East")
_LISTS = ("Main", "Retry", "VIP", "Recall", "Zürich", "Overflow")

_MODES = (
    # Families of dial modes between which a supervisor switches; the first of each is the usual one.
    ("predictive", "progressive", "power", "preview"),
    ("predictive", "progressive"),
    ("progressive", "preview", "push-preview"),
    ("predictive-seizing", "progressive-seizing", "power-seizing"),
    ("predictive-gvp", "progressive-gvp", "power-gvp"),
)
_GOALS = (
    # Per cent for busy factor and overdial rate, seconds for the times. Maximum gain and no optimisation
    # are left out: what their goal would mean is not documented.
    ("busy-factor", (75, 80, 85, 90)),
    ("busy-factor", (80, 85)),
    ("overdial-rate", (1, 2, 3, 5)),
    ("wait-time", (5, 10, 20)),
    ("distribution-time", (2, 4, 8)),
)


@dataclass(frozen=True, slots=True)
class CampaignGroup:
    """A campaign run by an agent group, as its administrator configured it."""

    index: int
    """Its number, from 0; the same seed gives the same group at the same number."""
    tenant: str
    ccid: str
    name: str
    guid: str
    group: str
    campaign: str | None
    template: str | None
    """Campaign and template are sent only if they are configured."""
    queue: str
    modes: tuple[str, ...]
    """Ids of the dial modes that it is run in, the usual one first."""
    optimize_by: str
    """Id of the optimisation method; it matters in predictive modes only."""
    optimize_goal: int
    """Per cent for busy factor and overdial rate, seconds for the times."""
    calling_lists: tuple[str, ...]
    seed: int
    """What its life and its statistics are drawn from."""


def campaign_groups(count: int, seed: int) -> list[CampaignGroup]:
    """The first `count` groups of that seed; a greater count only adds groups at the end."""
    root = Random(seed)
    return [_campaign_group(index, Random(root.getrandbits(64))) for index in range(count)]


def _campaign_group(index: int, rng: Random) -> CampaignGroup:
    tenant, ccid = _TENANTS[index % len(_TENANTS)]
    campaign, team = _campaign_and_team(index)
    by, goals = rng.choice(_GOALS)
    configured = rng.random() < 0.85
    return CampaignGroup(
        index=index,
        tenant=tenant,
        ccid=ccid,
        name=f"{campaign}@{team}",
        guid=new_guid(rng),
        group=team,
        campaign=campaign if configured else None,
        template=f"Template_{campaign}" if configured and rng.random() < 0.5 else None,
        queue=f"{8001 + index}@{rng.choice(_SWITCHES)}",
        modes=_shuffled_tail(rng.choice(_MODES), rng),
        optimize_by=by,
        optimize_goal=rng.choice(goals),
        calling_lists=tuple(f"{campaign}_{part}" for part in _LISTS[: rng.randint(1, 4)]),
        seed=rng.getrandbits(64),
    )


def _campaign_and_team(index: int) -> tuple[str, str]:
    """A pair that no other index has: both walk at their own length, then a number is added."""
    campaign, team = _CAMPAIGNS[index % len(_CAMPAIGNS)], _TEAMS[index % len(_TEAMS)]
    lap = index // (len(_CAMPAIGNS) * len(_TEAMS))  # the lengths have no common divisor
    return campaign, f"{team} {lap + 1}" if lap else team


def _shuffled_tail(modes: Sequence[str], rng: Random) -> tuple[str, ...]:
    tail = list(modes[1:])
    rng.shuffle(tail)
    return (modes[0], *tail)


def new_guid(rng: Random) -> str:
    """A GUID from the seed."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4)).upper()
