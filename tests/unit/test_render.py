"""Files become bodies; what cannot become one is an error that names file, line and, where it can, the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import RenderError
from toolkit.render import Renderer


@dataclass(frozen=True)
class Named:
    retention_days: int = 9
    text: str = 'a "quoted" ${{ namespace }} <b>é</b>'


def render(tmp_path: Path, text: str, **variables: Any) -> Any:
    (tmp_path / "body.json.j2").write_text(text, encoding="utf-8")
    return Renderer(tmp_path, {"settings": Named(), "namespace": "bar", **variables}).body("body.json.j2")


def test_values_go_in_as_json_and_are_never_rendered_themselves(tmp_path: Path) -> None:
    body = render(tmp_path, '{"a": ${{ settings.text | tojson }}, "b": "${{ namespace }}"}')
    assert body == {"a": 'a "quoted" ${{ namespace }} <b>é</b>', "b": "bar"}


def test_mustache_of_elasticsearch_stays(tmp_path: Path) -> None:
    assert render(tmp_path, '{"value": "{{#toJson}}_source{{/toJson}}"}') == {"value": "{{#toJson}}_source{{/toJson}}"}


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    """Though it is compiled once a process; so is one that is part of another."""
    (tmp_path / "part.j2").write_text("1", encoding="utf-8")
    text = '{"a": <% include "part.j2" %>, "b": ${{ namespace | tojson }}}'
    assert render(tmp_path, text) == {"a": 1, "b": "bar"}
    assert render(tmp_path, text, namespace="foo") == {"a": 1, "b": "foo"}
    (tmp_path / "part.j2").write_text("2", encoding="utf-8")
    assert render(tmp_path, text) == {"a": 2, "b": "bar"}
    assert render(tmp_path, '{"c": 3}') == {"c": 3}


def test_another_file_can_be_put_in_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "s.painless").write_text('// ${{ no }} "x"\nreturn;', encoding="utf-8")
    assert render(tmp_path, '{"source": ${{ file("s.painless") | tojson }}}') == {"source": '// ${{ no }} "x"\nreturn;'}


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ('{"a": ${{ namespce | tojson }}}', "body.json.j2:1: 'namespce' is undefined", "Did you mean 'namespace'?"),
        ('{\n"a": ${{ settings.retention_day }}}', "body.json.j2:2: ", "Did you mean 'retention_days'?"),
        ("{\n<% if namespace %>\n}", "body.json.j2:3: Unexpected end of template", None),
        ('{"a": ${{ namespace | tojsn }}}', "body.json.j2:1: No filter named 'tojsn'", None),
        ('{"a": ${{ file("absent.painless") | tojson }}}', "absent.painless: cannot be read", None),
        ('<% include "absent.j2" %>', "absent.j2: cannot be read", None),
        ('{"a": 1,}', "body.json.j2: renders to something that is not JSON", "rendered line 1 reads: "),
        ("", "body.json.j2: renders to something that is not JSON", None),
        ('{"a": 1, "a": 2}', "body.json.j2: renders to something that is not JSON: key 'a' stands twice", None),
        ("[1]", "body.json.j2: must render to a JSON object, not to list", None),
        ('{"a": ${{ settings.__class__.__mro__ }}}', "body.json.j2", None),
    ],
)
def test_what_does_not_render_is_an_error_with_its_place(
    tmp_path: Path, text: str, reason: str, hint: str | None
) -> None:
    with pytest.raises(RenderError) as caught:
        render(tmp_path, text)
    assert caught.value.reason.startswith(reason)
    if hint:
        assert (caught.value.hint or "").startswith(hint)


def test_a_template_cannot_reach_the_interpreter(tmp_path: Path) -> None:
    with pytest.raises(RenderError):
        render(tmp_path, '{"a": ${{ "".__class__.__mro__[1].__subclasses__() | list | tojson }}}')
