"""The parts of README.md that are generated: the command line's own help, and the data dictionary.

`make docs` writes them, through cog, between the markers in README.md; a test fails where they are out of date.
"""
