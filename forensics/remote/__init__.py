"""Places beyond this disk: folders, SFTP, S3 by fsspec, and HTTP endpoints."""
