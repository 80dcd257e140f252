"""What investigators ask: small queries, each with what it does not prove."""
