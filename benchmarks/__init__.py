"""Ratios against named peers: python -m benchmarks measures and writes docs/benchmarks.md."""
