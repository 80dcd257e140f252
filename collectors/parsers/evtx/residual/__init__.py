"""Records that lie outside a log's active area: template certain; bytes not covered by a checksum."""
