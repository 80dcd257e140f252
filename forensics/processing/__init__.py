"""Parsing and scanning artefacts into results."""
