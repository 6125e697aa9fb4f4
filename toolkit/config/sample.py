"""The text of a new `ocs-elastic.yml`: every key explained, every default shown, nothing set."""

from __future__ import annotations

import textwrap

from toolkit.config.keys import CONNECTION_KEYS, OCS_KEYS, SETTING_KEYS, Key

_WIDTH = 100
_HEAD = """\
# What ocs-elastic installs, and where. Above each key stands what it is for, which values fit, and the environment
# variable that goes before the file. A key behind a "#" has its default, or shows an example where there is none:
# take that "#" away and change the value. Defaults that stay commented out follow the toolkit's version.
#
# A flag goes before an environment variable, that before a profile, that before the top of this file.
# No secret belongs here: a password or an API key stands in a file of its own, which a profile names.
"""
_PROFILES = """\
# Clusters by name, such as test, staging and production: ocs-elastic plan --profile test
# An address and its credential always come from one source, this file or the environment. A profile may set
# everything from above as well, and goes before it. The embedded engine has its own: --profile local
profiles:
  #test:
"""


def sample() -> str:
    """The whole text. It loads, and with every `#key` uncommented each setting has its default."""
    settings = "\n".join(_explained(key) for key in SETTING_KEYS)
    connection = "\n".join(_explained(key, indent="    ") for key in (*CONNECTION_KEYS, *OCS_KEYS))
    return f"{_HEAD}\n{settings}\n{_PROFILES}{connection}"


def _explained(key: Key, indent: str = "") -> str:
    fitting = "; ".join(part for part in (key.expected, key.variable) if part)
    comments = [*textwrap.wrap(key.help, _WIDTH), *textwrap.wrap(f"({fitting})", _WIDTH)]
    return "".join(f"{indent}{line}\n" for line in [*(f"# {c}" for c in comments), f"#{key.name}: {key.example}"])
