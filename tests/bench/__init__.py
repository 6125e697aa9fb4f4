"""Benchmarks: every figure is one side against another, in turn, on one engine, in one run. No test; `make bench`.

Each file measures one thing and yields rows; `row` says what a row is, `turns` takes the sides in turn, `table` writes
what came out to `results/`, `reasons.yml` says why an aim is missed where it is.
"""
