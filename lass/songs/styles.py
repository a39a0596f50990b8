"""All genres, and how often each is drawn."""

from lass.songs.grooves import Style
from lass.songs.styles_dance import BREAKBEAT, DISCO, FUNK, HIPHOP, HOUSE, REGGAE
from lass.songs.styles_jazz import BLUES, BOSSA, LATIN, SWING, WALTZ
from lass.songs.styles_rock import BALLAD, COUNTRY, DOOWOP, METAL, ODD, PUNK, ROCK, SOUL, SYNTHPOP

STYLES: tuple[tuple[Style, float], ...] = (
    (ROCK, 2.0),
    (PUNK, 0.8),
    (METAL, 1.0),
    (FUNK, 1.5),
    (DISCO, 1.2),
    (HOUSE, 1.4),
    (SYNTHPOP, 1.2),
    (HIPHOP, 1.2),
    (BREAKBEAT, 0.8),
    (SOUL, 1.2),
    (COUNTRY, 0.8),
    (BOSSA, 1.0),
    (LATIN, 1.0),
    (REGGAE, 1.2),
    (BALLAD, 1.2),
    (SWING, 1.5),
    (BLUES, 1.0),
    (DOOWOP, 0.8),
    (WALTZ, 0.7),
    (ODD, 0.5),
)
