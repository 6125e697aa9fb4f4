"""The kinds of steps that a migration may have; one file a kind."""
