"""systemd's journal files: our own reader of the format, and events from it."""
