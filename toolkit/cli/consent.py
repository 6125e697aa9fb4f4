"""Asking before something is changed, where somebody can answer."""

from __future__ import annotations

import sys

import typer

from toolkit.errors import UsageError


def consent(question: str, *, yes: bool, hint: str, word: str | None = None) -> None:
    """Go on only if somebody agrees.

    Args:
        question: what is asked.
        yes: whether that was agreed to beforehand.
        hint: what to do where there is no terminal to ask on.
        word: what has to be typed; None: yes or no.

    Raises:
        UsageError: nobody can answer.
        Exit: the answer was no, or another word.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", hint=hint)
    agreed = typer.confirm(question, err=True) if word is None else typer.prompt(question, err=True) == word
    if not agreed:
        raise typer.Exit(1)
