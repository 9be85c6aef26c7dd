"""Scores from somebody's file become a run like any other."""
