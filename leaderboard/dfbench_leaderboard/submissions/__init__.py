"""Runs made fit to be given away."""
