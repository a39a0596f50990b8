"""Steps 4 and 5 of the method: the posterior over the sources' codes, and sequences decoded from it."""
