"""auditd's logs: records, events, and what they mean."""
