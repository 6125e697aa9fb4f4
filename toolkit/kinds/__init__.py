"""One file a kind of resource: how it is written, read, deleted and checked."""
