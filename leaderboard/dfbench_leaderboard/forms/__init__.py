"""The board as text: for a terminal, a paper, a spreadsheet, another program."""
