"""From scores to what can be said of them. NumPy and SciPy, neither torch nor a video: whatever is
computed here can be computed again from the files of a run."""
