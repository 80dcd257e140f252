"""What the seal adds for people; it lives below, for what else makes bags (transfer) needs it too."""

from __future__ import annotations

from forensics.catalogue.views import verifier_source, write_views

__all__ = ["verifier_source", "write_views"]
