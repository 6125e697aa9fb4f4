"""One file a kind of step. To add a kind, write its file and put it into STEPS."""

from __future__ import annotations

from toolkit.migrate.step import Step
from toolkit.migrate.steps.put_mapping import PutMapping
from toolkit.migrate.steps.reindex import Reindex
from toolkit.migrate.steps.request import Request
from toolkit.migrate.steps.rollover import Rollover
from toolkit.migrate.steps.update_by_query import UpdateByQuery

STEPS: dict[str, type[Step]] = {step.word: step for step in (Rollover, PutMapping, UpdateByQuery, Reindex, Request)}
"""Every kind of step, by its word in a file."""
