"""Pages of tables of results: from the files of a run to one file of HTML."""
