"""Drawing people who do not exist."""
