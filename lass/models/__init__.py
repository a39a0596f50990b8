"""Networks: the VQ-VAE with its quantizer, and the autoregressive transformer used as prior."""
