"""Numbered data migrations: what has to happen to documents once, beside what templates and pipelines declare.

A file under `templates/migrations` is a migration of one or more steps; what was done is kept in the toolkit's own
index. Nothing here renders, and nothing runs that is not one of the steps in `steps/`.
"""
