"""A witness of checkpoints of one's own (C2SP tlog-witness)."""
