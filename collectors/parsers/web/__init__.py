"""Logs of web servers: requests, errors, IIS's extended format."""
