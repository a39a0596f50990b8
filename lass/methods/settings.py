"""Names of the methods that need no decoder, and what they ask of mixtures; without torch."""

BLIND = ("rpca", "ica", "hpss", "repet", "repet_sim", "ft2d", "nmf")
"""Methods that split any mixture of audio in two, without training: `lass.methods.blind.separate`."""
SHORTEST_BLIND = 1.0
"""Seconds of the shortest mixture that they take: at least four of REPET's shortest periods."""
LOWEST_BLIND = 1000
"""The lowest rate that they take, in Hz."""
SUPERVISED = ("conv_tasnet", "hybrid_demucs")
"""Networks that are trained on mixtures of audio: `lass.methods.supervised`, `lass.models.separators`."""
ORACLES = ("mixture", "codec_ceiling", "ideal_mask")
"""Rows of audio beside every method: the mixture itself, the codec's limit, a mask of the truth."""
IMAGE_REFERENCES = ("average", "nmf", "codec_ceiling")
"""Rows of images beside every method: the mixture itself, dictionaries of the classes, the codec's limit."""
