"""Charts of the site: each function gives the text of one ``<svg>``, coloured by charts.css and
read without scripts; charts.js adds a readout for pointer, touch and keyboard."""
