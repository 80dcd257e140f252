"""Sigma: rules compiled, events matched, correlations."""
