"""The folder of derived results beside the bags."""
