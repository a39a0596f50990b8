"""Models as folders: codec, priors, likelihood and what else belongs together, described by `model.json`."""
