"""Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS."""

__version__ = "0.1.0"
