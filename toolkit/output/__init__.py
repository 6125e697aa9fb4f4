"""What people and programs read: the only room that prints.

Results go to standard output, everything else to standard error.
"""
