"""The embedded engine: its download, its files, its process. The only room that starts another program."""
