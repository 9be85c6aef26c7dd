"""From a run on disk to a run in MLflow."""
