"""Parsers: one content in, its events out; each registered by an entry point of ``forensics.parsers``."""
