"""Tables show what is there, whatever a name holds."""

from __future__ import annotations

from dataclasses import replace

from toolkit.output.tables import group_states
from toolkit.questions import GroupState

STATE = GroupState(
    tenant="Müller & Söhne",
    name="[red]Collections[/red]@営業",
    guid="g",
    state="Running",
    since="2018-04-26T17:53:00.123Z",
    dial_mode=None,
    last_action="Start dialing",
    last_actor="Schedule",
    seen="2018-04-26T17:53:00.123Z",
)


def test_a_name_is_shown_as_it_is_and_what_is_unknown_as_a_dash() -> None:
    text = group_states([STATE])
    row = text.splitlines()[-1]
    assert "[red]Collections[/red]@営業" in row
    assert "2018-04-26 17:53:00 " in row
    assert " -  " in row


def test_a_control_character_does_not_reach_the_terminal() -> None:
    text = group_states([replace(STATE, name="a\x1b[2Jb", tenant=None)])
    assert "\x1b" not in text
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in text


def test_a_piped_table_loses_no_words() -> None:
    text = group_states([replace(STATE, name="N" * 60, tenant="T" * 40)])
    assert "N" * 60 in text
    assert "T" * 40 in text
