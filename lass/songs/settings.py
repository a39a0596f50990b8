"""What songs are composed; without torch or numpy."""

from lass.settings import PositiveFloat, PositiveInt, Section, key


class SongCounts(Section):
    """Songs per split."""

    train: PositiveInt = key("songs composed for training and counting", "songs")
    validation: PositiveInt = key("songs composed for validation", "songs")
    test: PositiveInt = key("songs composed for the test mixtures", "songs")


class Composed(Section):
    """The songs of `source: composed`."""

    songs: SongCounts = key("songs per split", "section")
    seconds: PositiveFloat = key("length of a composed song", "s")
