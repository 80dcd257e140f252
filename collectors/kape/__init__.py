"""KAPE targets: ``.tkape`` files from a folder that the user names."""
