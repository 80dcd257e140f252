"""Commands that need what only collectors know."""
