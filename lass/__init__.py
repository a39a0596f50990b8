"""Latent autoregressive source separation: mixtures are taken apart with models that already exist."""

__version__ = "0.1.0"
