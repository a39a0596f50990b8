"""From mixture codes to hypotheses of the sources' codes."""
