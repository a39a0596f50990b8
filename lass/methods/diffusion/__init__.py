"""Diffusion priors: every class of sources has a denoiser, and a solver parts the mixture by them."""
