"""Every key of `ocs-elastic.yml`, once: what it is for, its default, and which values fit.

The file that `ocs-elastic init` writes, the checks, and the names of the environment variables come from this table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from toolkit.config.threshold import PAIR_EXPECTED, parse_threshold

NAMESPACE = re.compile(r"[a-z0-9_.]{0,45}[a-z0-9]")
"""Elasticsearch refuses a transform whose id, `ocs-current-state-<namespace>`, has more than 64 characters or ends in
anything but a letter or a digit; tried on 8.3.3."""
SPACE = re.compile(r"[a-z0-9_-]{1,64}")
"""The id of a space: Kibana takes these characters, and no more of them fit into an address that people send on."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file."""

    name: str
    fits: Callable[[Any], bool]
    """Whether a value can be used."""
    expected: str
    """What `fits` asks for, in words that follow "must be"."""
    help: str
    """What it is for: a sentence or two for whoever fills in the file."""
    example: str
    """YAML of the default, or of a typical value where there is none."""
    plain: bool = True
    """Whether it is one text or number, so that an environment variable can hold it."""
    shown: bool = True
    """Whether a message may repeat a wrong value; an address may hold a password."""

    @property
    def variable(self) -> str | None:
        """The environment variable that goes before the file, where there is one."""
        prefix = "ELASTICSEARCH_" if self in CONNECTION_KEYS else "OCS_ELASTIC_"
        return f"{prefix}{self.name.upper()}" if self.plain else None

    def refusal(self, value: Any) -> str | None:
        """Why the value cannot be used; None where it can."""
        if self.fits(value):
            return None
        return f"'{self.name}' must be {self.expected}" + (f", not {value!r}" if self.shown else "")


def is_address(value: Any) -> bool:
    """Whether it is an http or https address of a server: no query, nothing odd."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        return False


def _is_uri(value: Any) -> bool:
    """Whether it is what OCS can post to: an address with a path."""
    return is_address(value) and urlsplit(value).path.strip("/") != ""


def _is_addresses(value: Any) -> bool:
    return is_address(value) or (isinstance(value, list) and bool(value) and all(map(is_address, value)))


def _is_kibana(value: Any) -> bool:
    """With a Cloud id, which names Kibana's address too, the space alone says enough."""
    if not isinstance(value, dict) or not value or not value.keys() <= {"url", "space"}:
        return False
    return ("url" not in value or is_address(value["url"])) and ("space" not in value or is_space(value["space"]))


def is_space(value: Any) -> bool:
    """Whether it can be the id of a space."""
    return isinstance(value, str) and bool(SPACE.fullmatch(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(least: int, greatest: int | None = None) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and value >= least and (greatest is None or value <= greatest)

    return fits


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _is_replicas(value: Any) -> bool:
    return _is_count(0)(value) or _matches(r"\d+(-(\d+|all))?")(value)


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(labels, dict) and all(isinstance(label, str) and 1 <= len(label) <= 200 for label in labels.values())
        for labels in value.values()
    )


def _is_user(value: Any) -> bool:
    """A colon ends the user in Basic authentication, so that somebody else would be asked for."""
    return _is_text(value) and ":" not in value


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_threshold(value: Any) -> bool:
    return parse_threshold(value) is not None


_DAYS = "a whole number of days, 1 or more"
_LIMITS = "More than the first number is a warning, more than the second critical; none in the place of either: never."

SETTING_KEYS = (
    Key(
        "namespace",
        _matches(NAMESPACE.pattern),
        "1 to 46 of a-z, 0-9, '_' and '.', the last a letter or digit (it ends a transform's id, which takes no more)",
        "Ends the name of everything that is not shared by the whole cluster: 1 to 46 of a-z, 0-9, '_' and '.', the "
        "last a letter or digit. Tenants that must not see each other get one each.",
        "default",
    ),
    Key("retention_days", _is_count(1), _DAYS, "The greatest age of a document.", "90"),
    Key("dead_letter_retention_days", _is_count(1), _DAYS, "The greatest age of a dead letter.", "90"),
    Key("shards", _is_count(1), "a whole number, 1 or more", "Primary shards of each index of the stream.", "1"),
    Key(
        "replicas",
        _is_replicas,
        "a number, or a range such as 0-1",
        "Copies of each shard: a number, or a range that follows the number of nodes. A fixed number on a single node "
        "stops retention for ever.",
        "0-1",
    ),
    Key(
        "rollover_size",
        _matches(r"[1-9]\d*(mb|gb)"),
        "a size such as 25gb",
        "The greatest size of a primary shard before the stream turns to a new index.",
        "25gb",
    ),
    Key(
        "refresh_interval_s",
        _is_count(1),
        "a whole number of seconds, 1 or more",
        "Seconds until a document can be found.",
        "5",
    ),
    Key(
        "index_mode",
        lambda value: value in ("auto", "standard", "logsdb"),
        "auto, standard or logsdb",
        "How documents are stored. auto: logsdb where the server knows it (8.17 and later), which needs a quarter "
        "less room; standard elsewhere.",
        "auto",
    ),
    Key(
        "transform_frequency_s",
        _is_count(1, 3600),
        "a whole number of seconds, 1 to 3600",
        "Seconds between two looks of the transform that keeps the latest state of each campaign group.",
        "10",
    ),
    Key(
        "current_state_days",
        _is_count(1),
        _DAYS,
        "Days after which a campaign group that sends nothing leaves the latest-state index.",
        "30",
    ),
    Key(
        "interval_s",
        _is_count(1, 86_400),
        "a whole number of seconds, 1 to 86400",
        "Seconds between two messages of an active campaign group: what OCS's option campaigngroup-states-interval is "
        "set to. `options` prints it, and `status` knows by it which groups are silent.",
        "10",
    ),
    Key(
        "silent_intervals",
        _is_count(2, 1000),
        "a whole number, 2 to 1000",
        "A campaign group is stale when it should have sent so many messages, and none came.",
        "3",
    ),
    Key(
        "forget_hours",
        _is_count(1, 8760),
        "a whole number of hours, 1 to 8760",
        "Hours that others go on sending without a stale campaign group before `status` forgets it, since OCS says "
        "nothing of a group that is deleted. While nothing at all comes, none is forgotten.",
        "24",
    ),
    Key(
        "silence_threshold",
        lambda value: value == "auto" or _is_threshold(value),
        f"auto, or {PAIR_EXPECTED}",
        f"For `status`: seconds since the last message of all, where a campaign group should send some. {_LIMITS} "
        "auto: the time after which a group is stale, for both.",
        "auto",
    ),
    Key(
        "stale_groups_threshold",
        _is_threshold,
        PAIR_EXPECTED,
        f"For `status`: stale campaign groups. {_LIMITS}",
        "0,0",
    ),
    Key(
        "dead_letters_threshold",
        _is_threshold,
        PAIR_EXPECTED,
        f"For `status`: dead letters of its time that nobody has replayed. {_LIMITS}",
        "0,100",
    ),
    Key(
        "failures_threshold",
        _is_threshold,
        PAIR_EXPECTED,
        f"For `status`: documents of its time in the failure store. {_LIMITS}",
        "0,100",
    ),
    Key(
        "unknown_codes_threshold",
        _is_threshold,
        PAIR_EXPECTED,
        f"For `status`: messages of its time with a code that is not in the catalogue, which is no error. {_LIMITS}",
        "none,none",
    ),
    Key(
        "frozen_dashboards",
        _is_text,
        "the path of a folder",
        "Where `dashboards export` keeps what was changed by hand in Kibana, and from where it goes before the "
        "toolkit's own dashboards. Relative to this file.",
        "frozen",
    ),
    Key(
        "migrations",
        _is_text,
        "the path of a folder",
        "Where your own migrations are, V1000__name.yml and on, beside the toolkit's. Relative to this file.",
        "migrations",
    ),
    Key(
        "labels",
        _is_labels,
        "a mapping: enum, id, label",
        "Words of your own for states, actions and other codes. They hold for the whole cluster; ids never change.",
        "{state: {running: Running}}",
        plain=False,
    ),
    Key(
        "state_change_actions",
        _is_names,
        "a list of action ids",
        "Ids of the actions that make a message a state change, where others than the catalogue's are wanted.",
        "[load, unload, start-dialing, stop-dialing, set-dialing-mode, force-unload, complete]",
        plain=False,
    ),
)
"""What the resources are rendered from and `status` judges by: at the top of the file and, before it, in a profile."""

CONNECTION_KEYS = (
    Key(
        "url",
        _is_addresses,
        "an address such as https://host:9200, or a list of them",
        "Address of the cluster; several hosts of one cluster as a list (in the variable: with commas between).",
        "https://elastic.example:9200",
        shown=False,
    ),
    Key("cloud_id", _is_text, "text", "Instead of url: the Cloud id that Elastic Cloud shows.", "name:bG9uZyB0ZXh0"),
    Key("username", _is_user, "text without a colon", "User, for Basic authentication.", "ocs-operator"),
    Key(
        "password_file",
        _is_text,
        "the path of a file",
        "File that holds the user's password and nothing else. Paths are relative to this file.",
        "operator.password",
    ),
    Key(
        "api_key_file",
        _is_text,
        "the path of a file",
        "Instead of user and password: file that holds an API key, in the encoded form that Kibana shows.",
        "operator.key",
    ),
    Key(
        "ca_file",
        _is_text,
        "the path of a file",
        "Certificates (PEM) to trust. Without it, and without a fingerprint, this system's trust store decides.",
        "http_ca.crt",
    ),
    Key(
        "fingerprint",
        _matches(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}"),
        "64 hexadecimal digits, with or without colons",
        "Instead of ca_file: SHA-256 fingerprint of the one certificate to trust, the server's own or its CA's, as "
        "Elasticsearch prints it when it first starts.",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ),
    Key(
        "proxy",
        lambda value: is_address(value) and value.startswith("http:"),
        "an address such as http://proxy:3128",
        "HTTP proxy on the way. Variables such as HTTPS_PROXY have no effect.",
        "http://proxy.example:3128",
        shown=False,
    ),
    Key(
        "request_timeout_s",
        _is_count(1, 3600),
        "a whole number of seconds, 1 to 3600",
        "Seconds to wait for an answer.",
        "30",
    ),
    Key(
        "kibana",
        _is_kibana,
        "a mapping of url (an address) and, if wanted, space (1 to 64 of a-z, 0-9, '_' and '-')",
        "Address of Kibana, its base path included, and the space that the dashboards go into: default, if none is "
        "named. The credential is the cluster's. (KIBANA_URL and KIBANA_SPACE, beside ELASTICSEARCH_URL)",
        "{url: https://kibana.example:5601, space: default}",
        plain=False,
        shown=False,
    ),
)
"""How the cluster is reached: in a profile only."""

OCS_KEYS = (
    Key(
        "ocs_uri",
        _is_uri,
        "an address with a path, such as http://proxy:8080/ocs-campaign-groups-default/_doc",
        "What OCS posts to, its option campaigngroup-states-uri, where that is not the cluster's own address: a load "
        "balancer's, or a proxy's that adds the credential.",
        "http://proxy.example:8080/ocs-campaign-groups-default/_doc",
        shown=False,
    ),
    Key("ocs_ca_file", _is_text, "the path of a file", "Certificates (PEM) to trust at ocs_uri.", "proxy_ca.crt"),
    Key(
        "ocs_username",
        _is_user,
        "text without a colon",
        "OCS's own user, which verify posts as.",
        "ocs-elastic-ocs-default-1",
    ),
    Key(
        "ocs_password_file",
        _is_text,
        "the path of a file",
        "File that holds that user's password, as `credentials create --output` writes it.",
        "ocs.password",
    ),
    Key(
        "ocs_api_key_file",
        _is_text,
        "the path of a file",
        "Instead of OCS's user and password: file that holds its API key, as `credentials create --kind api-key "
        "--output` writes it.",
        "ocs.key",
    ),
)
"""How OCS itself reaches the cluster, for verify, which takes the same way: in a profile only."""

SETTINGS = {key.name: key for key in SETTING_KEYS}
CONNECTION = {key.name: key for key in CONNECTION_KEYS}
OCS = {key.name: key for key in OCS_KEYS}
