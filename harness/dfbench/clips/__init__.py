"""From stored clips to batches."""
