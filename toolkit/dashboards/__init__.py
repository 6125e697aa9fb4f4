"""Dashboards as code: YAML in words of the domain, compiled one way to Kibana's saved objects, and kept in step.

Pure but for their files: `source` reads the YAML, `conditions` says which documents count, `lens` builds charts,
`compile` puts everything together, `frozen` keeps what was changed by hand, `lint` checks what came out, and `drift`
says what has to happen. What Kibana's own charts cannot draw is a Vega specification of its own file, below
`dashboards/vega`.

With servers: `query` asks an engine what a panel asks, `live` reads Kibana, `provision` writes to it, and `record`
keeps what is known of the last import.
"""
