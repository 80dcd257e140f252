"""Supervised children: hostile bytes meet C libraries in a process of their own."""
