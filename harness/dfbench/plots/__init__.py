"""Pictures of results: colours that anyone can tell apart, axes with levels and units."""
