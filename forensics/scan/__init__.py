"""Rule packs, in the parent: found, read once, digested; the drivers are plug-ins."""
