"""From batches to a model and its scores."""
