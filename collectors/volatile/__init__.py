"""Volatile state of a running host: processes, sockets, modules, sessions... as JSONL artefacts.

docs/volatile.md describes every artefact and row. Nothing is loaded before it is asked for.
"""
