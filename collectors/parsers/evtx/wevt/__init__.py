"""Event templates in the resources of providers' own files."""
