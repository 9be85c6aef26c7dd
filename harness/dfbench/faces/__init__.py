"""From frames to stored face clips."""
