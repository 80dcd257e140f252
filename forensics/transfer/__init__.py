"""Bags on their way: handover, transport, disclosure, citations, statements after the seal."""
