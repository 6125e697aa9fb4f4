"""Files of migrations: what is understood, what is refused, and with which words."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.migrations import ROLLOVER, Elasticsearch, place, write
from toolkit.errors import SourceError, UsageError
from toolkit.migrate.file import Migration, next_version, read_migrations
from toolkit.migrate.known import toolkits_folder
from toolkit.migrate.steps import STEPS
from toolkit.migrate.steps.request import Request
from toolkit.uses.migrate import new

REQUEST = """description: why
steps:
  - request:
      PUT: /an-index
      done_when:
        get: /an-index
        has: {an-index.settings.index.uuid: u}
"""
DONE_WHEN = "done_when: {get: /an-index, absent: true}"


def steps(text: str) -> str:
    return f"description: why\nsteps:\n{text}\n"


def request(text: str) -> str:
    return steps(f"  - request:\n      {text}\n      {DONE_WHEN}")


def checked(check: str) -> str:
    """A rollover with a check before it; the check stands on line 5."""
    return steps(f"  - rollover: {{stream: campaign_groups}}\n    before:\n      - {check}")


def refused(*folders: Path) -> SourceError:
    with pytest.raises(SourceError) as error:
        read_migrations(folders)
    return error.value


def read(folder: Path, text: str, name: str = "V1000__a.yml") -> Migration:
    (found,) = read_migrations([write(folder, name, text)])
    return found


@pytest.mark.parametrize(
    ("text", "at", "reason", "hint"),
    [
        ("", 1, "must be a mapping", None),
        ("- a\n", 1, "must be a mapping", None),
        ("steps: []\n", 1, "'description' is missing", None),
        ("description: why\n", 1, "'steps' is missing", None),
        ("description: ''\nsteps: []\n", 1, "is empty: say why this is done", None),
        ("description: 7\nsteps: []\n", 1, "must be text, not 7", None),
        ("description: why\nsteps:\n", 2, "there are no steps yet", "begins with '_'"),
        ("description: why\nsteps: []\n", 2, "must be a list that is not empty", None),
        ("description: why\nsteps: {rollover: 1}\n", 2, "must be a list that is not empty", None),
        ("description: why\nstep: []\n", 2, "unknown key 'step'", "Did you mean 'steps'?"),
        (steps("  - rollover"), 3, "must be a mapping", None),
        (steps("  - rolover: {}"), 3, "unknown key 'rolover'", "Did you mean 'rollover'?"),
        (steps("  - before: []"), 3, "this one is none of them", None),
        (
            steps("  - rollover: {stream: campaign_groups}\n    request: {}"),
            3,
            "rollover and request: make each a step of its own",
            None,
        ),
        (steps("  - rollover: {}"), 3, "'stream' is missing", None),
        (steps("  - rollover: {stream: 1}"), 3, "must be text, not 1", None),
        (
            steps("  - rollover:\n      stream: ocs-campaign-groups-default"),
            4,
            "'ocs-campaign-groups-default' is no data stream: campaign_groups or dead_letters",
            None,
        ),
        (steps("  - rollover: {stream: campaign_groups, lazy: true}"), 3, "unknown key 'lazy'", "Known: stream."),
        (
            steps("  - rollover: {stream: campaign_groups}\n  - rollover: {stream: x}"),
            4,
            "'x' is no data stream",
            None,
        ),
        (
            steps("  - put_mapping:\n      stream: campaign_groups\n      indices: x\n      mapping: {properties: {}}"),
            5,
            "must be one of all, write, older, not 'x'",
            None,
        ),
        (steps("  - put_mapping: {stream: campaign_groups, mapping: {}}"), 3, "'properties' is missing", None),
        (steps("  - put_mapping: {stream: campaign_groups, mapping: {properties: {}}}"), 3, "is empty", None),
        (
            steps("  - put_mapping: {stream: campaign_groups, mapping: {properties: {a: keyword}}}"),
            3,
            "must be a mapping",
            None,
        ),
        (steps("  - update_by_query: {stream: campaign_groups, query: {a: 1}}"), 3, "'pipeline' is missing", None),
        (
            steps("  - update_by_query: {stream: campaign_groups, query: {a: 1}, pipeline: ''}"),
            3,
            "must be the name of one pipeline, or _none, not ''",
            None,
        ),
        (
            steps("  - update_by_query: {stream: campaign_groups, query: {}, pipeline: p}"),
            3,
            "is empty, and has to hold a query",
            None,
        ),
        (
            steps(
                "  - update_by_query:\n      stream: campaign_groups\n      query: {a: 1}\n      pipeline: p\n"
                "      lift_write_blocks: no"
            ),
            7,
            "must be true or false, not 'no'",
            None,
        ),
        (steps("  - request: {PUT: /a}"), 3, "'done_when' is missing", None),
        (steps(f"  - request: {{{DONE_WHEN}}}"), 3, "a request is one of PUT, POST, DELETE, with its path", None),
        (request("PUT: /a\n      POST: /a"), 3, "a request is one of PUT, POST, DELETE", None),
        (request("GET: /a"), 4, "unknown key 'GET'", None),
        (request("PUT: /a?pretty"), 4, "parameters stand under 'parameters'", None),
        (request("PUT: /a#b"), 4, "parameters stand under 'parameters'", None),
        (request("PUT: a"), 4, "must be a path that begins with /", None),
        (request("PUT: 7"), 4, "must be text, not 7", None),
        (request("PUT: /a\n      parameters: [a]"), 5, "must be a mapping", None),
        (request("PUT: /a\n      parameters: {a: }"), 5, "must be text, a number, true or false, not None", None),
        (request("PUT: /a\n      parameters: {a: [1]}"), 5, "must be text, a number, true or false, not [1]", None),
        (request("POST: /s/_update_by_query"), 4, "use the step update_by_query", None),
        (request("POST: /_reindex\n      body: {dest: {index: b}}"), 4, "use the step reindex", None),
        (request("PUT: /a\n      body: {1: one, a: b}"), 5, "a key must be text here: put 1 in quotes", None),
        (request("PUT: /a\n      body:\n        at: !!timestamp 2026-11-23"), 6, "is nothing that JSON knows", None),
        (request("PUT: /a\n      body:\n        - !!float .nan"), 6, "is nothing that JSON knows: nan", None),
        (request("PUT: /a\n      body: " + "9" * 5000), 5, "Exceeds the limit", None),
        (request('PUT: /a\n      body: "\\ud83d"'), 5, "holds half a character, '\\ud83d'", "the character itself"),
        (request("PUT: /a\n      body: !!python/none x"), 5, "could not determine a constructor", None),
        (request("PUT: /a\n      PUT: /b"), 5, "key 'PUT' stands twice; the first is on line 4", None),
        (request("PUT: /a\n      body: &a [*a]"), None, "nested too deeply, or an alias contains itself", None),
        ("description: why\n  steps: [\n", 2, "mapping values are not allowed here", None),
        ("description: why\nsteps:\n\t- a", 3, "found character '\\t'", None),
        ("description: a\n---\ndescription: b\n", 2, "but found another document", None),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, text: str, at: int | None, reason: str, hint: str | None
) -> None:
    error = refused(write(tmp_path / "mine", "V1000__a.yml", text))
    assert reason in error.reason
    assert error.reason.startswith(f"mine/V1000__a.yml:{at}: " if at else "mine/V1000__a.yml: ")
    assert (hint or "") in (error.hint or "")


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("no", "must be a mapping"),
        ("{}", "a check is a 'get' or a 'count'"),
        ("{has: {a: 1}}", "a check is a 'get' or a 'count'"),
        ("{gett: /a}", "unknown key 'gett'"),
        ("{get: /a, count: {}}", "unknown key 'count'"),
        ("{get: /a}", "a get has either 'has'"),
        ("{get: /a, has: {a: 1}, absent: true}", "a get has either 'has'"),
        ("{get: /a, absent: false}", "must be true, or left out"),
        ("{get: /a, absent: yes}", "must be true or false, not 'yes'"),
        ("{get: /a, has: {}}", "is empty, and has to hold values to find"),
        ("{get: /a, has: [a]}", "must be a mapping"),
        ("{get: a, absent: true}", "must be a path that begins with /"),
        ("{get: '/a?b', absent: true}", "must be a path that begins with /"),
        ("{get: '/a#b', absent: true}", "must be a path that begins with /"),
        ("{get: 1, absent: true}", "must be text, not 1"),
        ("{get: /a/_refresh, absent: true}", "writes, and a check only reads"),
        ("{count: 7, is: 1}", "must be a mapping"),
        ("{count: {stream: campaign_groups}, is: 1}", "'query' is missing"),
        ("{count: {stream: campaign_groups, query: {}}, is: 1}", "is empty, and has to hold a query"),
        ("{count: {stream: other, query: {match_all: {}}}, is: 1}", "'other' is no data stream"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}}", "a count has 'is', or"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}, is: 1, at_least: 1}", "a count has 'is', or"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}, is: -1}", "a whole number, 0 or more, not -1"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}, is: 1.0}", "a whole number, 0 or more, not 1.0"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}, is: true}", "a whole number, 0 or more, not True"),
        ("{count: {stream: campaign_groups, query: {match_all: {}}}, at_least: 2, at_most: 1}", "a smaller one"),
    ],
)
def test_a_check_that_is_nonsense_is_refused_with_its_line(tmp_path: Path, check: str, reason: str) -> None:
    for text in (checked(check), checked(check).replace("before", "after")):
        error = refused(write(tmp_path / "mine", "V1000__a.yml", text))
        assert error.reason.startswith("mine/V1000__a.yml:5: ")
        assert reason in error.reason


def test_checks_that_make_sense_are_read(tmp_path: Path) -> None:
    count = "count: {stream: dead_letters, query: {match_all: {}}}"
    text = checked(f"{{{count}, at_most: 0}}\n      - {{{count}, at_least: 1, at_most: 1}}\n      - {{{count}, is: 0}}")
    (part,) = read(tmp_path, text).parts
    assert len(part.before) == 3
    assert part.after == ()


@pytest.mark.parametrize(
    "name",
    [
        "1000__a.yml",
        "V100__a.yml",
        "V01000__a.yml",
        "V1000_a.yml",
        "V1000__A.yml",
        "V1000__a-b.yml",
        "V1000__a__b.yml",
        "V1000__.yml",
        "V1000__a.yaml",
        "V1000__a.YML",
        "v1000__a.yml",
        "V1000__a.yml.txt",
        "V1000__a",
        "notes.yml",
        "V1000__ä.yml",
        "V\u0661000__a.yml",
    ],
)
def test_a_file_of_another_name_is_refused_and_not_left_out_without_a_word(tmp_path: Path, name: str) -> None:
    error = refused(write(tmp_path / "mine", name, ROLLOVER))
    assert error.reason == f"mine/{name}: not the name of a migration"
    assert "V1000__goal_as_float.yml" in (error.hint or "")


def test_drafts_an_editors_files_and_what_is_no_yaml_are_left_aside(tmp_path: Path) -> None:
    for name in ("_V1000__a.yml", ".V1000__a.yml.swp", ".hidden.yml", "README.md", "Vacation.txt"):
        write(tmp_path, name, "]")
    assert read_migrations([tmp_path]) == []


@pytest.mark.parametrize("name", ["V0000__a.yml", "V0001__a.yml"])
def test_the_versions_that_apply_installs_are_taken(tmp_path: Path, name: str) -> None:
    error = refused(write(tmp_path / "mine", name, ROLLOVER))
    assert error.reason.endswith("is taken: versions 0 and 1 are what ocs-elastic apply installs")
    assert error.hint == "yours begin at 1000"


def test_the_users_folder_holds_none_of_the_toolkits_versions(tmp_path: Path) -> None:
    """A later toolkit would bring another one of the same number, after this one was applied."""
    toolkits, own = tmp_path / "toolkits", write(tmp_path / "mine", "V0002__a.yml", ROLLOVER)
    toolkits.mkdir()
    assert refused(toolkits, own).reason == (
        "mine/V0002__a.yml: version 2 is taken: versions below 1000 are the toolkit's own"
    )


def test_the_toolkit_ships_only_versions_of_its_own() -> None:
    assert all(2 <= migration.version < 1000 for migration in read_migrations([toolkits_folder()]))


def test_a_number_that_is_left_out_is_named_in_either_series(tmp_path: Path) -> None:
    toolkits = write(tmp_path / "toolkits", "V0002__a.yml", ROLLOVER)
    own = write(tmp_path / "mine", "V1000__a.yml", ROLLOVER)
    assert [migration.version for migration in read_migrations([toolkits, own])] == [2, 1000]
    write(own, "V1002__c.yml", ROLLOVER)
    error = refused(toolkits, own)
    assert error.reason == "mine/V1002__c.yml: version 1001 is missing before it"
    assert "the number 1001" in (error.hint or "")
    write(own, "V1001__b.yml", ROLLOVER)
    write(toolkits, "V0004__d.yml", ROLLOVER)
    assert refused(toolkits, own).reason == "toolkits/V0004__d.yml: version 3 is missing before it"


def test_the_first_of_the_users_own_is_1000(tmp_path: Path) -> None:
    assert "version 1000 is missing" in refused(write(tmp_path, "V1001__a.yml", ROLLOVER)).reason


def test_a_version_that_stands_twice_names_both_files(tmp_path: Path) -> None:
    own = write(tmp_path / "mine", "V1000__a.yml", ROLLOVER)
    write(own, "V1000__b.yml", ROLLOVER)
    error = refused(own)
    assert error.reason == "mine/V1000__a.yml and mine/V1000__b.yml have the same version, 1000"
    assert error.hint == "give the newer one the next version that is free: 1001"


def test_a_version_that_stands_in_both_folders_is_refused(tmp_path: Path) -> None:
    toolkits = write(tmp_path / "toolkits", "V1000__a.yml", ROLLOVER)
    own = write(tmp_path / "mine", "V1000__b.yml", ROLLOVER)
    assert "have the same version, 1000" in refused(toolkits, own).reason


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent")
    assert error.reason == f"{tmp_path / 'absent'}: the folder of migrations cannot be read: No such file or directory"
    assert "'migrations' in ocs-elastic.yml" in (error.hint or "")
    assert "cannot be read" in refused(write(tmp_path, "V1000__a.yml", ROLLOVER) / "V1000__a.yml").reason


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine" / "V1000__a.yml").mkdir(parents=True)
    assert refused(tmp_path / "mine").reason.startswith("mine/V1000__a.yml: cannot be read: ")
    (tmp_path / "mine" / "V1000__a.yml").rmdir()
    (tmp_path / "mine" / "V1000__a.yml").write_bytes("description: Müller".encode("latin-1"))
    assert refused(tmp_path / "mine").reason.startswith("mine/V1000__a.yml: cannot be read: 'utf-8' codec")


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def iterdir(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert refused(tmp_path).reason == f"{tmp_path}: the folder of migrations cannot be read: Permission denied"


def test_comments_layout_line_ends_and_order_do_not_change_the_checksum(tmp_path: Path) -> None:
    one = read(tmp_path / "one", REQUEST)
    other = (
        "# why\n---\nsteps:\n- request:\n"
        "   done_when: {'has': {'an-index.settings.index.uuid': \"u\"}, get: /an-index}\n"
        "   PUT: \"/an-index\"\ndescription: 'why'\n"
    )
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "V1000__a.yml").write_bytes(b"\xef\xbb\xbf" + other.replace("\n", "\r\n").encode())
    (two,) = read_migrations([folder])
    assert (one.checksum, one.parts[0].checksum) == (two.checksum, two.parts[0].checksum)
    assert one.checksum.startswith("1:")


@pytest.mark.parametrize(
    "change", [("why", "why not"), ("/an-index\n", "/another\n"), ("uuid: u", "uuid: v"), ("uuid: u", "uuid: 7")]
)
def test_other_content_is_another_checksum(tmp_path: Path, change: tuple[str, str]) -> None:
    assert read(tmp_path / "1", REQUEST).checksum != read(tmp_path / "2", REQUEST.replace(*change, 1)).checksum


def test_a_steps_checksum_is_of_the_step_and_not_of_its_checks(tmp_path: Path) -> None:
    """A check that was wrong is mended; what the step has noted goes on to hold."""
    plain, with_check = read(tmp_path / "1", ROLLOVER), read(tmp_path / "2", checked("{get: /a, absent: true}"))
    assert plain.parts[0].checksum == with_check.parts[0].checksum
    assert plain.checksum != with_check.checksum


def test_the_namespace_is_put_in_at_any_depth_and_never_into_elasticsearchs_own_braces(tmp_path: Path) -> None:
    left_alone = "{{namespace}} {{{namespace}}} {Namespace} { namespace }"
    body = f"{{'{{namespace}}': ['a-{{namespace}}-{{namespace}}', {{b: '{left_alone}'}}], c: 7}}"
    text = request(
        "PUT: '/x-{namespace}/{{namespace}}'\n      parameters: {pipeline: 'p-{namespace}'}\n      body: " + body
    )
    (part,) = read(tmp_path, text).parts
    server = Elasticsearch()
    server.documents["/an-index"] = {}
    there = place(server, namespace="tenant.a")
    part.step.run(there, cast("Any", None))
    sent = ("PUT", "/x-tenant.a/{{namespace}}", {"pipeline": "p-tenant.a"}, {
        "tenant.a": ["a-tenant.a-tenant.a", {"b": left_alone}],
        "c": 7,
    })  # fmt: skip
    assert server.written == [sent]
    assert part.step.title(there) == "PUT /x-tenant.a/{{namespace}}"


def test_the_checksum_is_the_same_whatever_the_namespace(tmp_path: Path) -> None:
    text = request("PUT: /x-{namespace}")
    assert read(tmp_path / "1", text).checksum == read(tmp_path / "2", text).checksum


def test_parameters_are_sent_as_text_and_the_body_of_a_delete_too(tmp_path: Path) -> None:
    text = request("DELETE: /_search/scroll\n      parameters: {a: true, b: 7, c: x}\n      body: {scroll_id: s}")
    (part,) = read(tmp_path, text).parts
    server = Elasticsearch()
    server.documents["/an-index"] = {}
    part.step.run(place(server), cast("Any", None))
    assert server.written == [("DELETE", "/_search/scroll", {"a": "true", "b": "7", "c": "x"}, {"scroll_id": "s"})]


def test_a_request_is_not_sent_once_it_is_done(tmp_path: Path) -> None:
    (part,) = read(tmp_path, REQUEST).parts
    server = Elasticsearch()
    server.documents["/an-index"] = {"an-index": {"settings": {"index": {"uuid": "u"}}}}
    there = place(server)
    assert isinstance(part.step, Request)
    assert part.step.preview(there, cast("Any", None)) == []
    part.step.run(there, cast("Any", None))
    assert server.written == []
    server.documents["/an-index"] = {"an-index": {"settings": {"index": {"uuid": "v"}}}}
    assert part.step.faults(there, cast("Any", None)) == ['GET /an-index: an-index.settings.index.uuid is "v", not "u"']
    del server.documents["/an-index"]
    assert part.step.faults(there, cast("Any", None)) == [
        'GET /an-index: an-index.settings.index.uuid is absent, not "u"'
    ]


def test_what_new_writes_is_whole_but_for_its_steps(tmp_path: Path) -> None:
    """And so is the example of each kind of step in it."""
    file = new(tmp_path / "mine", "shift", 'For "Müller": #1 😀')
    assert file.name == "V1000__shift.yml"
    assert refused(file.parent).reason == "mine/V1000__shift.yml:4: there are no steps yet"
    head, examples = file.read_text(encoding="utf-8").split("steps:\n")
    filled = "\n".join(re.sub("^  # ?", "  ", line) for line in examples.splitlines()[3:])
    blocks = [block for block in re.split(r"(?m)^(?=  - )", filled) if block[4:].split(":")[0] in STEPS]
    file.write_text(f"{head}steps:\n{''.join(blocks)}\n", encoding="utf-8")
    (found,) = read_migrations([file.parent])
    assert found.description == 'For "Müller": #1 😀'
    assert {part.step.word for part in found.parts} == set(STEPS)
    assert found.parts[-1].before
    assert new(file.parent, "next_one", "why").name == "V1001__next_one.yml"


@pytest.mark.parametrize("name", ["", "A", "a b", "a-b", "_a", "a_", "a__b", "../a", "a.yml", "ä", "a\n", "a" * 81])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a migration's name"):
        new(tmp_path, name, "why")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("description", ["", " ", "a\nb", "a\tb", "\x7f", "\udcfc"])
def test_a_description_that_is_no_line_of_text_is_refused(tmp_path: Path, description: str) -> None:
    with pytest.raises(UsageError, match="a description is one line of text"):
        new(tmp_path, "a", description)


def test_new_takes_no_file_for_a_folder_and_reads_what_is_there_first(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        new(file, "a", "why")
    own = write(tmp_path / "mine", "V1000__a.yml", "]")
    with pytest.raises(SourceError, match=r"mine/V1000__a\.yml:1: "):
        new(own, "b", "why")
    write(own, "V1000__a.yml", ROLLOVER)
    shutil.move(own / "V1000__a.yml", own / "V0002__a.yml")
    with pytest.raises(SourceError, match="versions below 1000 are the toolkit's own"):
        new(own, "b", "why")


def test_next_version_is_one_more_than_the_last_of_its_series(tmp_path: Path) -> None:
    for name in ("V0002__a.yml", "V1000__a.yml", "V1001__b.yml"):
        write(tmp_path, name, ROLLOVER)
    found = read_migrations([tmp_path])
    assert (next_version(found), next_version(found, first=2)) == (1002, 3)
    assert (next_version([]), next_version([], first=2)) == (1000, 2)


def test_a_preview_tells_all_that_is_sent(tmp_path: Path) -> None:
    text = (
        "description: d\nsteps:\n  - request:\n      POST: /x-{namespace}/_delete_by_query\n"
        "      parameters: {conflicts: proceed}\n      body: {query: {term: {a: '{namespace}'}}}\n"
        "      done_when: {get: /y, has: {gone: true}}\n"
    )
    (part,) = read(tmp_path, text).parts
    assert part.step.preview(place(Elasticsearch()), cast("Any", None)) == [
        "POST /x-default/_delete_by_query is sent, since GET /y: gone is absent, not true",
        'parameters: {"conflicts":"proceed"}',
        'body: {"query":{"term":{"a":"default"}}}',
    ]
