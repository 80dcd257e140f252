"""Two more parsers over the same records, and what comes of it: the agreement certificate."""
