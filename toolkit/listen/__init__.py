"""An open port that hears what OCS really sends: requests in, judgements out; nothing is stored and nobody is asked.

`server` takes requests from whoever posts, so it trusts nothing; `check` judges one against the catalogue; `masking`
and `pseudonyms` take out what must not be shown or sent on; `summary` adds up. `toolkit.uses.listen` asks a cluster
for the document, and keeps samples.
"""
