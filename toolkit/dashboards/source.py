"""Reads `dashboards/*.yml`: what each dashboard shows, in words of the domain. Every complaint names file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.dashboards.conditions import Condition, conditions
from toolkit.errors import SourceError, nearest
from toolkit.yaml_source import Document, Reader, Where, load

OPERATIONS = ("count", "groups", "average", "minimum", "maximum", "last")
"""What a measure can be. No median and no percentile: where values repeat, as a statistic's do while nothing changes,
Elasticsearch 8.3 takes seconds for a million of them (`tests/bench/README.md`)."""
FORMATS = ("number", "percent")
GRID_WIDTH = 48
"""Columns of a dashboard's grid."""

DATA_VIEWS = ("events", "current", "dead_letters")
"""What panels look at: every message, each campaign group's last one, and what could not be understood."""

_SIZE = re.compile(r"([1-9]\d?)x([1-9]\d?)")
_NAME = re.compile(r"[a-z][a-z_]*")
_DATE_MATH = re.compile(r"now(-[1-9]\d*[smhdwMy])?(/[smhdwMy])?")
_ROWS_MAX = 1000
"""Values that Lens takes into a table or an axis at most."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: an operation on a field of some documents."""

    label: str
    operation: str
    field: str
    """Empty: the documents themselves are counted, or the campaign groups that they are about."""
    where: tuple[Condition, ...] = ()
    divide: int | None = None
    """What the result is divided by; an optimisation goal of 85 is 0.85 of a busy factor."""
    format: str | None = None
    """`number` or `percent`; None: as the data view shows the field."""
    colour: str | None = None
    width: int | None = None
    """Pixels, as a table's column; None: what is left, in equal parts."""


@dataclass(frozen=True, slots=True)
class Row:
    """A field by whose values a table's documents are put together; each value is a row."""

    label: str
    field: str
    size: int
    hidden: bool = False
    missing: bool = False
    """Whether documents without the field are a row too; it costs a second search."""
    width: int | None = None
    """Pixels; None: what is left, in equal parts."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure, large."""

    data: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class Series:
    """Figures along an axis, as lines, or as bars on top of each other."""

    data: str
    shape: str
    """`lines`, `bars`, or `rows`: bars that lie."""
    x: str
    """The field along the axis; `@timestamp` is time."""
    x_title: str
    y_title: str
    measures: tuple[Measure, ...]
    where: tuple[Condition, ...] = ()
    size: int = 10
    """How many values of `x`, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: a row for each value of the rows' fields, a column for each measure."""

    data: str
    rows: tuple[Row, ...]
    measures: tuple[Measure, ...]
    sort: str | None = None
    """The label of the column to sort by; None: by the first row's values."""
    descending: bool = False
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Vega:
    """A picture that Kibana's own charts cannot draw: a Vega specification of its own file."""

    file: str
    """Relative to the folder of the dashboards."""


@dataclass(frozen=True, slots=True)
class Text:
    """Markdown; `links` stands for the links to all dashboards."""

    markdown: str


Chart = Tile | Series | Table | Vega | Text


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel."""

    id: str
    title: str
    """The question that it answers, or a plain statement; empty: no title is shown."""
    chart: Chart
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    name: str
    order: int
    """Its place among the links to all dashboards."""
    title: str
    description: str
    time_from: str
    time_to: str
    refresh_s: int
    controls: tuple[tuple[str, str], ...]
    """Title and field of each."""
    panels: tuple[Panel, ...]
    source: str


def read_dashboards(folder: Path, catalogue: Catalogue) -> list[Dashboard]:
    """All dashboards of a folder, in their order.

    Raises:
        SourceError: a file cannot be read, or says something that is not understood.
    """
    found: list[Dashboard] = [
        _Reader(load(path, source=f"dashboards/{path.name}"), path.stem, catalogue).dashboard()
        for path in sorted(folder.glob("*.yml"))
    ]
    for one, other in combinations(found, 2):
        if same := next((name for name in ("order", "title") if getattr(one, name) == getattr(other, name)), None):
            raise SourceError(f"{other.source}: {one.source} has the same {same}")
    return sorted(found, key=lambda dashboard: dashboard.order)


class _Reader(Reader):
    """Turns a document into a `Dashboard`."""

    def __init__(self, document: Document, name: str, catalogue: Catalogue) -> None:
        super().__init__(document)
        self.name, self.catalogue = name, catalogue

    def dashboard(self) -> Dashboard:
        if not _NAME.fullmatch(self.name):
            self.fail((), f"'{self.name}' cannot be a dashboard's name: a-z and '_' only")
        top = self.mapping((), "order title description time refresh_s controls panels")
        time = self.mapping(("time",), "from to")
        controls = self.mapping(("controls",), "", open_ended=True)
        return Dashboard(
            name=self.name,
            order=self.count(("order",), top["order"]),
            title=self.text(("title",), top["title"]),
            description=self.text(("description",), top["description"]),
            time_from=self.matching(("time", "from"), time["from"], _DATE_MATH, "a time such as now-24h"),
            time_to=self.matching(("time", "to"), time["to"], _DATE_MATH, "a time such as now"),
            refresh_s=self.count(("refresh_s",), top["refresh_s"]),
            controls=tuple(
                (self.text(("controls",), title), self.text(("controls", title), field))
                for title, field in controls.items()
            ),
            panels=tuple(self.panels()),
            source=self.document.source,
        )

    def panels(self) -> Iterator[Panel]:
        """The panels, laid out from left to right and from top to bottom."""
        x = y = row_height = 0
        ids: set[str] = set()
        for i, raw in enumerate(self.list(("panels",), self.document.value["panels"])):
            where: Where = ("panels", i)
            kinds = "tile lines bars rows table vega text"
            self.mapping(where, "id size", optional=f"title {kinds}")
            found = [kind for kind in kinds.split() if kind in raw]
            if len(found) != 1:
                self.fail(where, f"a panel is one of {kinds.replace(' ', ', ')}; this one is {len(found)}")
            id_ = self.matching((*where, "id"), raw["id"], _NAME, "a name of a-z and '_'")
            if id_ in ids:
                self.fail((*where, "id"), f"another panel is called '{id_}' too")
            ids.add(id_)
            width, height = self.size((*where, "size"), raw["size"])
            if x + width > GRID_WIDTH:
                x, y, row_height = 0, y + row_height, 0
            title = self.text((*where, "title"), raw.get("title", ""))
            yield Panel(id_, title, self.chart((*where, found[0]), found[0], raw), x, y, width, height)
            x, row_height = x + width, max(row_height, height)

    def chart(self, where: Where, kind: str, raw: Mapping[str, Any]) -> Chart:
        if kind == "text":
            text = self.text(where, raw["text"])
            if unknown := next((name for name in re.findall(r"\{(\w+)\}", text) if name != "links"), None):
                self.fail(where, f"'{{{unknown}}}' stands for nothing; '{{links}}' stands for the links")
            return Text(text)
        if kind == "vega":
            return Vega(self.text(where, raw["vega"]))
        if kind == "tile":
            self.mapping(where, "of measure")
            return Tile(self.data(where), self.measure((*where, "measure"), label=raw.get("title", "")))
        return self.table(where) if kind == "table" else self.series(where, kind)

    def table(self, where: Where) -> Table:
        raw = self.mapping(where, "of rows columns", optional="sort where")
        measures = self.measures((*where, "columns"))
        label, descending = self.sort((*where, "sort"), [measure.label for measure in measures])
        return Table(
            data=self.data(where),
            rows=tuple(self.row((*where, "rows", i)) for i in range(len(self.list((*where, "rows"), raw["rows"])))),
            measures=measures,
            sort=label,
            descending=descending,
            where=self.where((*where, "where")),
        )

    def sort(self, where: Where, labels: Sequence[str]) -> tuple[str | None, bool]:
        """A column's label with `up` or `down`."""
        if self.value(where) is None:
            return None, False
        pairs = list(self.mapping(where, "", open_ended=True).items())
        if len(pairs) != 1 or pairs[0][1] not in ("up", "down"):
            self.fail(where, "must be one column with 'up' or 'down'")
        ((label, direction),) = pairs
        if label not in labels:
            self.fail(where, f"no column is called '{label}'", nearest(str(label), labels))
        return label, direction == "down"

    def row(self, where: Where) -> Row:
        raw = self.mapping(where, "field", optional="label size hidden missing width")
        return Row(
            label=str(raw.get("label", raw["field"])),
            field=self.text((*where, "field"), raw["field"]),
            size=self.count((*where, "size"), raw.get("size", _ROWS_MAX), most=_ROWS_MAX),
            hidden=self.flag((*where, "hidden"), raw.get("hidden", False)),
            missing=self.flag((*where, "missing"), raw.get("missing", False)),
            width=self.optional_count((*where, "width"), raw.get("width")),
        )

    def series(self, where: Where, shape: str) -> Series:
        raw = self.mapping(where, "of x x_title y_title measures", optional="where size")
        return Series(
            data=self.data(where),
            shape=shape,
            x=self.text((*where, "x"), raw["x"]),
            x_title=self.text((*where, "x_title"), raw["x_title"]),
            y_title=self.text((*where, "y_title"), raw["y_title"]),
            measures=self.measures((*where, "measures")),
            where=self.where((*where, "where")),
            size=self.count((*where, "size"), raw.get("size", 10), most=_ROWS_MAX),
        )

    def measures(self, where: Where) -> tuple[Measure, ...]:
        raw = self.value(where)
        return tuple(self.measure((*where, i)) for i in range(len(self.list(where, raw))))

    def measure(self, where: Where, *, label: str | None = None) -> Measure:
        required = "" if label is not None else "label"
        raw = self.mapping(where, required, optional="label divide format colour width where " + " ".join(OPERATIONS))
        found = [operation for operation in OPERATIONS if operation in raw]
        if len(found) != 1:
            self.fail(where, f"a measure is one of {', '.join(OPERATIONS)}; this one is {len(found)}")
        (operation,) = found
        field = raw[operation]
        if operation in ("count", "groups") and field != "documents":
            self.fail((*where, operation), f"'documents' is what can be counted, not {field!r}")
        if "format" in raw and raw["format"] not in FORMATS:
            self.fail((*where, "format"), f"'{raw['format']}' is no format", nearest(str(raw["format"]), FORMATS))
        return Measure(
            label=str(raw.get("label", label or "")),
            operation=operation,
            field="" if operation in ("count", "groups") else self.text((*where, operation), field),
            where=self.where((*where, "where")),
            divide=self.optional_count((*where, "divide"), raw.get("divide")),
            format=raw.get("format"),
            colour=self.colour((*where, "colour"), raw.get("colour")),
            width=self.optional_count((*where, "width"), raw.get("width")),
        )

    def colour(self, where: Where, value: str | None) -> str | None:
        """`#RRGGBB`, or that of an enum's value, such as `state.running`."""
        if value is None or re.fullmatch("#[0-9A-F]{6}", self.text(where, value)):
            return value
        enum, _, id_ = value.partition(".")
        try:
            return self.catalogue.enums[enum].by_id(id_).colour
        except KeyError as error:
            self.fail(where, f"'{value}' is no colour: neither '#RRGGBB' nor an enum's value ({error.args[0]})")

    def where(self, where: Where) -> tuple[Condition, ...]:
        raw = self.value(where)
        if raw is None:
            return ()
        self.condition(where, raw)
        try:
            return conditions(raw, self.catalogue)
        except KeyError as error:
            self.fail(where, str(error.args[0]))

    def condition(self, where: Where, raw: Any) -> None:
        """Whether it is a mapping of what `conditions` knows."""
        self.mapping(where, "", open_ended=True)
        for key, value in raw.items():
            self.text(where, key)
            place = (*where, key)
            if key == "not":
                self.condition(place, value)
            elif key == "older":
                for field, ago in self.mapping(place, "", open_ended=True).items():
                    self.matching((*place, field), ago, re.compile(r"[1-9]\d*[smhd]"), "an age such as 2m")
            else:
                for each in self.list(place, value) if isinstance(value, list) else [value]:
                    if not isinstance(each, str | int) or isinstance(each, bool):
                        self.fail(place, f"must be text, a whole number, or a list of those, not {each!r}")

    def data(self, where: Where) -> str:
        name: str = self.value((*where, "of"))
        if name not in DATA_VIEWS:
            self.fail((*where, "of"), f"no data view '{name}'", nearest(str(name), DATA_VIEWS))
        return name

    def size(self, where: Where, value: Any) -> tuple[int, int]:
        found = _SIZE.fullmatch(str(value))
        if not found or int(found[1]) > GRID_WIDTH:
            self.fail(where, f"'{value}' is no size: columns x rows, such as 24x12, and {GRID_WIDTH} columns at most")
        return int(found[1]), int(found[2])
