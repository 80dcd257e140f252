"""One read: bytes are hashed while they are stored, and written whole or not at all."""
