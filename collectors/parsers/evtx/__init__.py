"""Windows event logs: a walk of the structure that counts, and events parsed by ``evtx``."""
