"""From runs, wherever they lie, to the rows of a board."""
