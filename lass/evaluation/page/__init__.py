"""One file of HTML for a table of results: its numbers, and mixtures to listen to or to look at."""
