"""Exporters: the catalogue of a bag in other tools' formats. Exports, not sealed content."""
