"""What a server can do: what the templates ask before they use a feature. Detected in `toolkit.client`."""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The features of the oldest node of a cluster, and how new the newest is."""

    distribution: str
    """`elasticsearch` or `opensearch`."""
    version: Version
    """The oldest node's, by which everything else here is judged."""
    newest: Version
    """The newest node's; another one only while a cluster is upgraded."""
    ilm: bool
    transforms: bool
    index_mode: bool
    """Whether the setting `index.mode` is known."""
    logsdb: bool
    pipeline_meta: bool
    """Whether an ingest pipeline can carry `_meta`; OpenSearch answers 400."""
    failure_store: bool
    """Whether a data stream can keep what neither its pipeline nor its mapping can take."""
    data_stream_modify: bool
    """Whether indices of a data stream can be exchanged for others (`_data_stream/_modify`, since 7.16)."""
    security: bool = False
    """Whether users, roles and API keys are switched on."""
    manages_security: bool = False
    """Whether this credential may write roles, users and API keys: whether it is an administrator's."""
    license: str | None = None
    """Elastic's licence, such as `basic`; None where the server does not tell."""

    def __str__(self) -> str:
        return f"{self.distribution} {'.'.join(map(str, self.version))}"


def of_elasticsearch(
    version: Version,
    *,
    newest: Version | None = None,
    ilm: bool = True,
    transforms: bool = True,
    data_stream_modify: bool = True,
    security: bool = False,
    manages_security: bool = False,
    license: str | None = None,  # noqa: A002 - the server's word
) -> Capabilities:
    """What an Elasticsearch of that version can do; its newest node is of the same, unless another is named.

    `index.mode` was an unknown setting on a real 8.3.3 and became generally available with 8.7; `logsdb` ran on a
    real 8.17.2. The failure store is generally available in 8.19 and from 9.1 on, and 9.0, which is older than 8.19,
    lacks it: https://www.elastic.co/docs/manage-data/data-store/data-streams/failure-store.
    """
    return Capabilities(
        distribution="elasticsearch",
        version=version,
        newest=newest or version,
        ilm=ilm,
        transforms=transforms,
        index_mode=version >= (8, 7, 0),
        logsdb=version >= (8, 17, 0),
        pipeline_meta=True,
        failure_store=(8, 19, 0) <= version < (9, 0, 0) or version >= (9, 1, 0),
        data_stream_modify=data_stream_modify,
        security=security,
        manages_security=manages_security,
        license=license,
    )


def of_opensearch(version: Version, *, newest: Version | None = None) -> Capabilities:
    """What OpenSearch, the embedded engine, can do."""
    return Capabilities(
        distribution="opensearch",
        version=version,
        newest=newest or version,
        ilm=False,
        transforms=False,
        index_mode=False,
        logsdb=False,
        pipeline_meta=False,
        failure_store=False,
        data_stream_modify=False,
    )
