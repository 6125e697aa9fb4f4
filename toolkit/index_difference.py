"""What a live index has otherwise than its effective template asks for, and what of it the index can take. Pure.

What is named here as changeable was tried, and the rest refused, on Elasticsearch 8.3.3 and 8.17.2; a test tries both
tables on whatever engine it gets (tests/engine/test_index_difference.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from toolkit.effective import merge
from toolkit.kinds.base import as_text, flat_settings
from toolkit.model import Body

IN_PLACE = frozenset(
    f"index.{name}"
    for name in (
        "allocation.max_retries",
        "analyze.max_token_count",
        "auto_expand_replicas",
        "default_pipeline",
        "final_pipeline",
        "gc_deletes",
        "hidden",
        "highlight.max_analyzed_offset",
        "lifecycle.name",
        "lifecycle.prefer_ilm",
        "mapping.depth.limit",
        "mapping.dimension_fields.limit",
        "mapping.field_name_length.limit",
        "mapping.nested_fields.limit",
        "mapping.nested_objects.limit",
        "mapping.total_fields.ignore_dynamic_beyond_limit",
        "mapping.total_fields.limit",
        "max_docvalue_fields_search",
        "max_inner_result_window",
        "max_ngram_diff",
        "max_refresh_listeners",
        "max_regex_length",
        "max_rescore_window",
        "max_result_window",
        "max_script_fields",
        "max_shingle_diff",
        "max_slices_per_scroll",
        "max_terms_count",
        "merge.policy.deletes_pct_allowed",
        "merge.policy.floor_segment",
        "merge.policy.max_merge_at_once",
        "merge.policy.max_merged_segment",
        "merge.policy.segments_per_tier",
        "merge.scheduler.auto_throttle",
        "merge.scheduler.max_merge_count",
        "merge.scheduler.max_thread_count",
        "number_of_replicas",
        "priority",
        "query.default_field",
        "refresh_interval",
        "requests.cache.enable",
        "routing.allocation.enable",
        "routing.allocation.total_shards_per_node",
        "routing.rebalance.enable",
        "search.idle.after",
        "soft_deletes.retention.operations",
        "soft_deletes.retention_lease.period",
        "translog.durability",
        "translog.flush_threshold_size",
        "translog.sync_interval",
        "unassigned.node_left.delayed_timeout",
        "warmer.enabled",
        "write.wait_for_active_shards",
    )
)
"""Settings that an open index takes at once. Blocks are none of them: what is posted would be refused from then on."""
_IN_PLACE_WITH_ANY_NAME = re.compile(
    r"index\.(?:routing\.allocation\.(?:include|exclude|require)\.[^.]+|(?:search|indexing)\.slowlog\..+)"
)
_AUTO, _FIXED = "index.auto_expand_replicas", "index.number_of_replicas"

UPDATABLE = frozenset(
    {
        "coerce",
        "copy_to",
        "depth_limit",
        "dynamic",
        "eager_global_ordinals",
        "fielddata",
        "fielddata_frequency_filter",
        "ignore_above",
        "ignore_malformed",
        "ignore_z_value",
        "meta",
        "search_analyzer",
        "search_quote_analyzer",
        "split_queries_on_whitespace",
    }
)
"""Parameters of a field that may change while it is there, whatever its type."""
UPDATABLE_AT_ROOT = frozenset(
    {"date_detection", "dynamic", "dynamic_date_formats", "dynamic_templates", "numeric_detection", "runtime"}
)
"""The same of a whole mapping. Not `_source`: 8.3.3 takes `enabled: false` in the middle of an index's life, and from
then on documents would have none."""

_DEFAULTS: dict[str, str] = {
    "coerce": "true",
    "doc_values": "true",
    "eager_global_ordinals": "false",
    "enabled": "true",
    "fielddata": "false",
    "ignore_malformed": "false",
    "index": "true",
    "split_queries_on_whitespace": "false",
    "store": "false",
}
"""What a parameter is where a mapping does not name it; servers do not write it down, even if it was named."""
_DEFAULTS_OF = {
    ("date", "format"): "strict_date_optional_time||epoch_millis",
    ("keyword", "norms"): "false",
    ("text", "norms"): "true",
}
_UNSET_BY_SILENCE = frozenset({*_DEFAULTS, "ignore_above", "norms"})
"""Parameters that a live field may have and its template no longer names: then the default is asked for."""
_PLAIN_TYPES = frozenset(
    "boolean byte date double float integer ip keyword long object scaled_float short text".split()  # noqa: SIM905
)
"""Types to which servers add none of these parameters by themselves; to `dense_vector`, for one, they do."""
_INNER = ("properties", "fields")


class Leaf(NamedTuple):
    """One thing that differs; None: absent."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class IndexDifference:
    """What an index has otherwise than it should, in four parts; what it has beyond its template is no difference."""

    settings: Body
    """What `PUT /<index>/_settings` takes, and the index then has."""
    mapping: Body
    """What `PUT /<index>/_mapping` takes; empty: nothing that it could."""
    in_place: tuple[Leaf, ...]
    """The settings that those are."""
    additive: tuple[Leaf, ...]
    """The fields and parameters that those are."""
    static: tuple[Leaf, ...]
    """Settings that only a new index can have."""
    fixed: tuple[Leaf, ...]
    """Fields of another type, or with parameters that cannot be updated."""


@dataclass
class _Found:
    additive: list[Leaf] = field(default_factory=list)
    fixed: list[Leaf] = field(default_factory=list)


def difference(wanted: Body, index: Body, *, kept: Body | None = None) -> IndexDifference:
    """Hold an index against its template.

    Args:
        wanted: what `toolkit.effective.merged` gives.
        index: the server's answer for the index: `{"settings": …, "mappings": …}`.
        kept: the wanted mapping as the server would write it down; None: unknown.
    """
    settings = list(_settings(wanted["settings"], flat_settings(index.get("settings") or {})))
    in_place = tuple(leaf for leaf in settings if is_in_place(leaf.path))
    found = _Found()
    live = index.get("mappings") or {}
    mapping = _root(wanted["mappings"] if kept is None else _as_kept(wanted["mappings"], kept, live), live, found)
    return IndexDifference(
        settings={leaf.path: leaf.after for leaf in in_place},
        mapping=mapping,
        in_place=in_place,
        additive=tuple(found.additive),
        static=tuple(leaf for leaf in settings if not is_in_place(leaf.path)),
        fixed=tuple(found.fixed),
    )


def is_in_place(setting: str) -> bool:
    """Whether an open index takes another value of a setting."""
    return setting in IN_PLACE or bool(_IN_PLACE_WITH_ANY_NAME.fullmatch(setting))


def _settings(wanted: Body, live: Body) -> Iterator[Leaf]:
    """Where replicas expand by themselves their number is the server's, and a number alone would not stay."""
    expands = wanted.get(_AUTO, "false") != "false"
    if _FIXED in wanted and not expands and _AUTO not in wanted and live.get(_AUTO, "false") != "false":
        wanted = {**wanted, _AUTO: "false"}
    for key, value in sorted(wanted.items()):
        if not (_same(value, live.get(key)) or (expands and key == _FIXED)):
            yield Leaf(key, live.get(key), value)


def _as_kept(wanted: Body, kept: Body, live: Body) -> Body:
    """What is asked of a mapping or a field, as the server writes it down.

    A parameter that it would not write down says what holds anyway: without it nothing is asked, unless the index has
    something else. Otherwise no new index would ever have it, and each plan would turn the stream to another one.
    """
    result: Body = {}
    for name, asked in wanted.items():
        if name in _INNER:
            has = live.get(name) or {}
            written = kept.get(name) or {}
            result[name] = {
                field: _as_kept(own, written[field], has.get(field) or {}) if field in written else own
                for field, own in (asked or {}).items()
            }
        elif name in kept:
            result[name] = kept[name]
        elif name in live:
            result[name] = asked
    return result


def _root(wanted: Body, live: Body, found: _Found) -> Body:
    body: Body = {}
    for name, value in wanted.items():
        if name in ("_meta", "properties") or _same(value, live.get(name)):
            continue
        taken = name in UPDATABLE_AT_ROOT
        (found.additive if taken else found.fixed).append(Leaf(name, live.get(name), value))
        if taken:
            body[name] = value
    properties = _fields(wanted.get("properties") or {}, live.get("properties") or {}, "", found)
    return {**body, "properties": properties} if properties else body


def _fields(wanted: Body, live: Body, prefix: str, found: _Found) -> Body:
    """What has to be put of some fields, by name."""
    body: Body = {}
    for name, asked in _expanded(wanted, live).items():
        if name not in live:
            found.additive.append(Leaf(prefix + name, None, asked))
            body[name] = asked
        elif put := _field(asked, live[name], prefix + name, found):
            body[name] = put
    return body


def _expanded(wanted: Body, live: Body) -> Body:
    """`{"a.b": …}` as servers keep it: `b` inside `a`."""
    result: Body = {}
    for name, asked in wanted.items():
        head, _, rest = (name, "", "") if name in live else name.partition(".")
        own = {"properties": {rest: asked}} if rest else asked
        result[head] = merge(result[head], own) if head in result else own
    return result


def _field(wanted: Body, live: Body, path: str, found: _Found) -> Body:
    """What has to be put of a field that is there; empty: nothing, or nothing that it could take."""
    if _type(wanted) != _type(live):
        found.fixed.append(Leaf(f"{path}.type", _type(live), _type(wanted)))
        return {}
    changed = list(_parameters(wanted, live, path))
    if stuck := [leaf for leaf in changed if not _updatable(_type(live), leaf)]:
        found.fixed.extend(stuck)
        return {}
    found.additive.extend(changed)
    inner = {
        part: put
        for part in _INNER
        if (put := _fields(wanted.get(part) or {}, live.get(part) or {}, f"{path}.", found))
    }
    if not changed and not inner:
        return {}
    # What a request does not name of a field goes back to its default, or is refused: so it says the rest again.
    silent = {leaf.path.rpartition(".")[2] for leaf in changed if leaf.after is None}
    rest = {name: value for name, value in live.items() if name not in (*_INNER, *silent)}
    own = {name: value for name, value in wanted.items() if name not in _INNER}
    return {"type": _type(live), **rest, **own, **inner}


def _parameters(wanted: Body, live: Body, path: str) -> Iterator[Leaf]:
    names = [name for name in wanted if name not in ("type", *_INNER)]
    if _type(live) in _PLAIN_TYPES:
        names += [name for name in live if name in _UNSET_BY_SILENCE and name not in wanted]
    for name in names:
        default = _DEFAULTS_OF.get((_type(live), name), _DEFAULTS.get(name))
        if not _same(wanted.get(name, default), live.get(name, default)):
            yield Leaf(f"{path}.{name}", live.get(name), wanted.get(name))


def _updatable(type_: str, leaf: Leaf) -> bool:
    name = leaf.path.rpartition(".")[2]
    if name == "path":
        return type_ == "alias"
    if name == "norms":
        asked = _DEFAULTS_OF.get((type_, name)) if leaf.after is None else leaf.after
        return bool(as_text(asked) == "false")  # they can be given up, and not be had later
    if name == "value":
        return type_ == "constant_keyword" and leaf.before is None
    return name in UPDATABLE


def _type(mapped: Body) -> str:
    return str(mapped.get("type", "object"))


def _same(wanted: Any, live: Any) -> bool:
    """Whether a server would write down the one for the other; what it has beyond what is asked for is no matter."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_same(value, live.get(name)) for name, value in wanted.items())
    if isinstance(live, dict):
        return bool(live.get("source") == wanted)  # a script, asked for in short
    one, other = as_text(wanted), as_text(live)
    return other in (one, [one]) or _number(one) == _number(other) is not None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
