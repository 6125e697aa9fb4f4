"""Dashboards as code: YAML in words of the domain, compiled one way to Kibana's saved objects, and kept in step.

`compile` makes the objects; `frozen` keeps those that were changed by hand; `record` is what is known of the last
import; `drift` compares (pure); `live` reads Kibana; `provision` writes to it.
"""
