"""The command line: one file a command group, and each command parses, calls, prints and sets the exit code."""
