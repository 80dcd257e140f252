"""sealbag: forensic evidence collection and triage."""
