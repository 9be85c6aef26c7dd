"""From a folder to checked records."""
