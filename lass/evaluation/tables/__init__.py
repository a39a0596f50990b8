"""From rows of metrics to the paper's tables."""
