"""Desired resources as text that installs them without this program: files, a shell script, a Dev Tools script.

Pure: what to send comes from `toolkit.kinds`, and nothing here reads or writes a file.
"""
