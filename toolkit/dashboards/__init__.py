"""Dashboards as code: YAML in words of the domain, compiled one way to Kibana's saved objects. Pure but for its files.

`source` reads the YAML, `conditions` says which documents count, `lens` builds charts, `compile` puts everything
together, `lint` checks what came out, and `query` asks an engine what a panel asks. What Kibana's own charts cannot
draw is a Vega specification of its own file, below `dashboards/vega`.
"""
