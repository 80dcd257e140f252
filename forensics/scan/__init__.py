"""Rule packs, in the parent."""
