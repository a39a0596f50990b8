"""What can be added with one module and one entry: readers of data sets, and rows of tables.

Read by the configuration alone, and handed to the workflow from there: an entry more reruns nothing that
is there.
"""

AUDIO_READERS = {
    "composed": "lass.data.audio.slakh",  # composed here, in Slakh's layout
    "slakh": "lass.data.audio.slakh",
    "stems": "lass.data.audio.stems",
    "utterances": "lass.data.audio.utterances",
    "packages": "lass.data.audio.utterances",  # unpacked here, in the same layout
}
"""Value of `source` of an audio data set -> the module that reads such a folder."""
IMAGE_READERS = {"mnist": "lass.data.images.mnist", "folder": "lass.data.images.folders"}
"""Value of `source` of an image data set -> the module that reads such files."""
NAMING_READERS = ("stems", "utterances", "folder")
"""Those that `files` tells where a class is."""
ONE_CLASS_READERS = ("utterances", "packages")
"""Those of audio that read a folder per class: a recording has one source."""

BLIND = ("rpca", "ica", "hpss", "repet", "repet_sim", "ft2d", "nmf")
"""Methods that split any mixture of audio in two and do not know which is which."""
SUPERVISED = ("conv_tasnet", "hybrid_demucs")
"""Networks that learn to separate from true mixtures."""
AUDIO_METHODS = {
    "mixture": "oracles",
    "codec_ceiling": "ceiling",
    "ideal_mask": "oracles",
    "ideal_binary_mask": "oracles",
    **dict.fromkeys(BLIND, "blind"),
    **dict.fromkeys(SUPERVISED, "supervised"),
}
"""Row of a table of audio -> its family, the module `lass.methods.<family>`."""
IMAGE_METHODS = {"average": "oracles", "codec_ceiling": "ceiling", "nmf": "class_nmf"}
"""Row of a table of images -> its family."""
METHODS = {"audio": AUDIO_METHODS, "images": IMAGE_METHODS}
WITHOUT_NETWORK = ("oracles", "blind", "class_nmf")
"""Families that run no network: their jobs ask for no device."""
MEANINGS = {
    "mixture": "the mixture itself as the estimate of each source: what doing nothing scores",
    "average": "the mixture itself as the estimate of each source: what doing nothing scores",
    "codec_ceiling": "the true source encoded and decoded: no method that uses this codec alone does better",
    "ideal_mask": "the mixture, shared out by a mask that knows the true sources",
    "ideal_binary_mask": "the mixture, each point of its spectrogram given to the louder of the true sources",
}
"""What the page says of rows that are no methods of separation: they know the answer, or do nothing."""
