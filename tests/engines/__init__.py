"""Parts of Elasticsearch itself, from Maven Central, for what the embedded OpenSearch lacks.

`maven` fetches, `partial` unpacks and runs; all of it on the Java runtime that the embedded engine runs on too, so
that nothing need be installed.
"""
