"""Composes and plays the synthetic songs; nothing else uses it."""
