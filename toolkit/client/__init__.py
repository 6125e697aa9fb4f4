"""The only room that speaks HTTP to a cluster, and turns its answers into errors of ours."""
