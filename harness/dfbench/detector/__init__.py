"""A network and its numbers."""
