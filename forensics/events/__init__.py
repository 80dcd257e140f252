"""Events as rows: read, filtered, exported."""
