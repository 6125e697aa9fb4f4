"""A simulated OCS: campaign groups that live real lives, and posts that, like OCS's, are never retried."""
