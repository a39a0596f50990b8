"""The genres that the composer knows, as tables: grooves on a grid of steps, chords, instruments.

A drum pattern is `lane steps`, several lanes joined by `|`: X accent, x stroke, o soft, g ghost, `.` nothing.
A bass pattern names the chord tone of each step (R root, 3, 5, 6, 7, 8 octave, a approach to the next chord, g dead
note), `-` holds, `.` rests; `lock` follows the kick and `walk` is drawn anew. A comping pattern has X and x for the
chord, `r` for its next tone alone, `-` and `.` as before. A pattern shorter than the bar is repeated.
"""

from dataclasses import dataclass

# drum lane -> General MIDI keys, one of which a song settles on
LANES = {
    "K": (36, 35), "s": (38, 40), "r": (37,), "c": (39,), "h": (42,), "p": (44,), "o": (46,), "d": (51, 59),
    "b": (53,), "C": (49, 57), "t": (54,), "w": (56,), "m": (70,), "v": (75,), "1": (62,), "2": (63,), "3": (64,),
    "T": (50, 48), "M": (47, 45), "L": (43, 41),
}  # fmt: skip

# the kits of the SoundFont at hand that differ in sound (its Jazz kit, 32, is its Standard kit again)
STANDARD, ROOM, POWER, ELECTRONIC, TR808, BRUSH, ORCHESTRA = 0, 8, 16, 24, 25, 40, 48
KITS = (STANDARD, ROOM, POWER, ELECTRONIC, TR808, BRUSH, ORCHESTRA)
UPRIGHT, FINGER, PICK, FRETLESS, SLAP1, SLAP2, SYNTH1, SYNTH2 = BASSES = tuple(range(32, 40))


@dataclass(frozen=True)
class Groove:
    """How a bar goes: time signature, ticks per step, steps per beat, and patterns to draw from."""

    meter: tuple[int, int]
    step: int
    beat: int
    kicks: tuple[str, ...]
    backs: tuple[str, ...]
    tops: tuple[str, ...]
    colours: tuple[str, ...]
    basses: tuple[str, ...]
    comps: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Steps per bar."""
        return self.meter[0] * 1920 // self.meter[1] // self.step


@dataclass(frozen=True)
class Style:
    """A genre: beats per minute, swing (share of the first of two steps), chords, instruments, grooves."""

    name: str
    tempo: tuple[int, int]
    swing: float
    chords: tuple[str, ...]
    kits: tuple[int, ...]
    basses: tuple[int, ...]
    comping: tuple[int, ...]
    grooves: tuple[Groove, ...]


def _four(kicks: str, backs: str, tops: str, colours: str, basses: str, comps: str) -> Groove:
    return _groove((4, 4), 120, 4, (kicks, backs, tops, colours, basses, comps))


def _triplet(kicks: str, backs: str, tops: str, colours: str, basses: str, comps: str) -> Groove:
    return _groove((4, 4), 160, 3, (kicks, backs, tops, colours, basses, comps))


def _groove(meter: tuple[int, int], step: int, beat: int, columns: tuple[str, ...]) -> Groove:
    return Groove(
        meter, step, beat, *(tuple(part.strip() for part in column.split(",")) for column in columns)
    )


ROCK = Style(
    "rock", (96, 144), 0.5,
    ("I V vi IV", "I bVII IV I", "i bVI bIII bVII", "I IV V IV", "vi IV I V", "i bVII bVI V"),
    (STANDARD, ROOM, POWER), (FINGER, PICK, PICK), (29, 30, 27, 18),
    (_four(
        "x.....x.x.......,x.x.....x.x.....,x.......x.x.....,x..x....x.x.....,x.....x...x.....",
        "s ....X.......X...,s ....X..g.g..X...,s ....X..g....X..g",
        "h X.x.,h x.x.|o ..............x.,d X.x.,C X...",
        "t ....x...,m x.o.,", "lock,lock,R.R.,R.R.R.R.R.R.5.a.,R.R.R.R.8.8.5.3.",
        "X---------------,X.......X.......,X--.X--.X--.X.X.,X.x.",
    ),),
)  # fmt: skip
PUNK = Style(
    "punk", (150, 188), 0.5, ("I IV V V", "I V vi IV", "i bVI bVII i", "I bIII IV I"),
    (POWER, ROOM), (PICK, PICK, FINGER), (30, 29),
    (_four("x.....x.x.......,x...x...,x.....x...x.....", "s ....X...", "h X.x.,C X...,o X...", ",", "R.R.,R.,R.R.R.R.R.R.R.a.",
           "X.X.,X---X---,X-X-X-X-"),),
)  # fmt: skip
METAL = Style(
    "metal", (104, 168), 0.5, ("i bVI bVII i", "i bII i bVII", "i i bVI bVII", "i bIII bVI bII", "i bV i bII"),
    (POWER, POWER, ROOM), (PICK, PICK, FINGER), (30, 30, 29),
    (_four("xx.xxx.xxx.xxx.x,x.xxx.xx,xxxx,x.x.,xx..xx..xx..x.x.", "s ....X...,s ........X.......", "C X...,d X.x.,o X...,b X...",
           ",", "lock,lock,lock,R.R.,R.R.R.R.R.R.3.a.", "X.xxX.xx,X---------------,X.X.x.X.,X..X..X.X..X..X."),),
)  # fmt: skip
FUNK = Style(
    "funk", (92, 118), 0.52, ("i7 IV7", "I7 I7 IV7 I7", "i7 i7 bVII7 IV7", "i7 IV7 i7 bVI7", "ii7 V7"),
    (ROOM, STANDARD, POWER), (SLAP1, SLAP2, FINGER, SLAP1), (7, 27, 28, 16),
    (_four(
        "x.x.......x..x..,x..x..x...x.....,x.......x.x..x..,x.x...x.......x.,x.....x..xx.....",
        "s ....X..g.g..X..g,s ....X..g.g.gX...,s .g..X..g....X.g.,s ....X..g..g.X...",
        "h xoxo,h X.x.,h xoxo|o ......x.,d X.x.|p ....x...",
        "w x...,t ..x.,m xoxo,", "lock,R..R..8.R.g.7.8.,R.g8..R..g5.7.8.,R...R..g..8.g57.,R.R...8..gR.3.5.,RgR..8g.R.g.7.8g",
        "..X...X.,..x.x..X..x.x..X,X..x..X.,....X..x....X...",
    ),),
)  # fmt: skip
DISCO = Style(
    "disco", (112, 126), 0.5, ("i7 iv7", "i7 bVIImaj7 bVImaj7 V7", "vi7 ii7 V7 Imaj7", "i i bVI bVII", "ii7 V7 Imaj7 vi7"),
    (STANDARD, ROOM, ELECTRONIC), (FINGER, SLAP1, SLAP2, FINGER), (48, 4, 27, 28),
    (_four("x...", "s ....X...,s ....X...|c ....x...", "h x.o.|o ..x.,h xox.|o ..x.,h xoxo", "t ..x.,m xoxo,1 ..x...x.|3 ....x..x",
           "R.8.,R.8.R.8.R.8.5.a.,R...8.R.R...8.5.,R.R.8.R.R.3.5.8.", "..X.,X---------------,X..X..X.,..x.x..x"),),
)  # fmt: skip
HOUSE = Style(
    "house", (118, 130), 0.53, ("i7 i7 bVImaj7 bVII", "i7 iv7", "ii7 i7", "i bVI bIII bVII", "i7 v7 iv7 i7"),
    (ELECTRONIC, TR808, TR808, ELECTRONIC), (SYNTH1, SYNTH2, SYNTH1), (4, 17, 50, 0),
    (_four("x...", "c ....X...,c ....X...|s ............g..g", "o ..x.,h xox.|o ..x.,h ..x.,h xoxo", "m xoxo,w ...x..x.,3 ...x...x|2 ......x.,",
           "..R.,..R...R...R.8.R.,R..R..R.,R.R..R.8..R..7.8,..RR", "..X...X..X...X..,X..X..X...X..X..,X---------------,...X..X."),),
)  # fmt: skip
SYNTHPOP = Style(
    "synthpop", (100, 128), 0.5, ("vi IV I V", "i bVI bIII bVII", "I V vi IV", "i bVII bVI bVII", "IV V iii vi"),
    (ELECTRONIC, ELECTRONIC, TR808, POWER), (SYNTH2, SYNTH1, SYNTH2), (50, 81, 90, 5),
    (_four("x...,x.....x.x.......,x..x....x.x.....", "s ....X...,c ....X...|s ....x...", "h x.x.,h xoxo,h x.x.|o ......x.", "t ..x.,m x.x.,",
           "R.R.,R.R.8.R.,RRRR,R.8.R.8.R.8.5.8.", "r.r.,X---------------,r.rr,X..X..X."),),
)  # fmt: skip
HIPHOP = Style(
    "hip-hop", (78, 98), 0.58, ("i7 iv7", "i bVI", "ii7 V7 i7 i7", "i7 bVII bVI V7", "i bVImaj7 iv7 V7"),
    (TR808, TR808, ROOM, STANDARD), (SYNTH2, FINGER, SYNTH1, FRETLESS), (4, 5, 0, 11),
    (_four("x.....x...x.....,x..x......x..x..,x.x....x..x.....,x......x.xx.....", "s ....X.......X...,s ....X..g....X..g,c ....X...",
           "h x.x.,h xox.,h x.x.x.xxx.x.x.x.,h x.x.|o ..............x.", "m x.o.,w ..........x.....,",
           "lock,lock,R-----R-..5-R---,R--R--..R-..7-a-", "X---------------,X.....x...X.....,..X...X.,r..r..r.r..r..r."),),
)  # fmt: skip
BREAKBEAT = Style(
    "breakbeat", (128, 168), 0.5, ("i7 iv7", "i bVII", "i7 bVImaj7", "ii7 i7", "i7 i7 bVII bVI"),
    (STANDARD, ROOM, ELECTRONIC), (SYNTH1, SYNTH2, FRETLESS), (4, 89, 50),
    (_four("x.x.......xx....,x.........x.....,x.x...x...x.....", "s ....X..g.g..X..g,s ....X..g.g....X.,s ....X.......X..g", "h x.x.,d x.x.,h xoxo",
           "m xoxo,t ..x.,", "R-----R---5-----,R-..R-..8-..7-..,lock,R...R...8.R...5.", "X---------------,..X...X.,X.....X........."),),
)  # fmt: skip
SOUL = Style(
    "soul", (96, 128), 0.52, ("I vi IV V", "Imaj7 ii7 iii7 IVmaj7", "I I IV IV", "ii7 V7 Imaj7 IVmaj7", "I iii7 IV V7"),
    (STANDARD, ROOM, STANDARD), (FINGER, UPRIGHT, FRETLESS, PICK), (0, 16, 17, 27),
    (_four("x...x...,x..x..x.x..x..x.,x......xx.x.....,x.x.....x.x.....", "s X...,s ....X...,s ....X..g....X...", "h x.x.,h x.x.|o ......x.,d x.x.",
           "t ....X...,t x.x.,m x.o.", "R..R..5.8..5.6.a,R...R.3.5...6.5.,R..RR.5.R..R5.6.,R.R.5.R.R.6.5.3.", "....X...,X.....x...X.....,X---X---,..x."),),
)  # fmt: skip
COUNTRY = Style(
    "country", (92, 128), 0.5, ("I IV V I", "I I IV V", "I V I IV", "I vi IV V", "I IV I V7"),
    (STANDARD, BRUSH, BRUSH), (PICK, UPRIGHT, FINGER), (25, 0, 24),
    (_four("x...", "s ogXgogXg,s oxXxogXg,r ....X...", "h x.x.,h ..x.,p ..x.", "t ..x.,m xoxo,", "R---5---,R---5---R---5-a-,R---3---5---3---,R-..5-..",
           "..X.,..X...xx,X.x.,r.x.r.x."),),
)  # fmt: skip
BOSSA = Style(
    "bossa", (116, 148), 0.5, ("Imaj7 II7 ii7 V7", "ii7 V7 Imaj7 VI7", "i7 iv7 V7 i7", "Imaj7 bIIdim ii7 V7", "Imaj7 vi7 ii7 V7"),
    (BRUSH, BRUSH, STANDARD), (UPRIGHT, FRETLESS, UPRIGHT, FINGER), (24, 24, 0, 11),
    (_four("x..xx..x", "r x..x..x...x..x..,r x..x..x...x.x...,r ...x..x.x..x..x.", "h x.x.,h xoxo,d x.x.|p ....x...", "m xoxo,v ....x...,",
           "R--55--R,R--5R--5,R-.55-.5,R--R5--5R--R5-a-", "X..X...X..X..X..,X..X..x..X..X...,..X...X..X..X...,x.X..X..X..X..X."),),
)  # fmt: skip
LATIN = Style(
    "latin", (92, 116), 0.5, ("i iv V7 iv", "I IV V IV", "i bVII bVI V7", "ii7 V7 Imaj7 Imaj7", "i V7 V7 i"),
    (STANDARD, ROOM, ORCHESTRA), (UPRIGHT, FRETLESS, FINGER), (0, 0, 24, 11),
    (_four("x.....x.,x..x..x.,x...x...", "r x..x..x...x.x...,s ......X.......X.,r ....x.....x.x...", "w X.x.,b X.x.xxx.X.x.xxx.,h xoxo",
           "1 x.x...x.|2 ......xx|3 ....x...,1 x.x.|2 ......xx,v x..x..x...x.x...", "R.....5.....8---,R..5..8.R..5..8.,...5--8-...5--R-,R--..5--R--.5-a-",
           "x.X.x..Xx.X.x..X,X..x..X.x.X..x..,r.rr.rr.r.rr.rr.,X.x..x.X.x..x.X."),),
)  # fmt: skip
REGGAE = Style(
    "reggae", (66, 84), 0.54, ("I IV", "i iv", "I V vi IV", "i bVII", "I ii IV I", "i iv bVII bIII"),
    (ROOM, STANDARD, POWER), (FRETLESS, FINGER, FRETLESS, SYNTH2), (27, 16, 0, 17),
    (_four("........x.......,x...x...,x.......x.......", "r ........X.......,s ........X.......,r ........X.....x.,s ....x...X...x...", "h x.o.,h x.x.,h xoxo|o ......x.",
           "m x.o.,1 ..x...x.,", "R--.R-.3--.5-...,R-R...5-3-R.....,..R-R-..5-.3-.R-,R---R-3-5---3-R-,R-..R-..3-5-..R-", "..X.,....X...,..X...xx,..X...X...X..xX."),),
)  # fmt: skip
BALLAD = Style(
    "ballad", (62, 84), 0.5, ("I V vi IV", "Imaj7 vi7 ii7 V7", "I iii7 IV iv", "i bVI bIII bVII", "IVmaj7 V iii7 vi7", "I V,vi IV I,V"),
    (STANDARD, BRUSH, ORCHESTRA, ROOM), (FRETLESS, FINGER, UPRIGHT, SYNTH2), (0, 4, 48, 24),
    (_four("x.......x.......,x.....x.x.......,x.......x.x.....,x..x....x.....x.", "s ....X.......X...,r ....X.......X...,s ....X.......X..g", "h x.x.,h xoxo,d x.x.",
           "m x.o.,t ....x...,", "R-----R-5-------,R-------5---8---,R-----5-8-----a-,R---5---8---5---,lock", "X---------------,r.r.r.r.,X-------x-------,r---r---r---r---"),
     _groove((6, 8), 120, 6, ("x...........,x.....x.....,x...x.......", "s ......X.....,r ......X.....,s ......X...g.", "h x.o.o.,d x.x.x.,h x.xox.",
           "m x.o.o.,", "R-----5-8---,R-----R---5-,R---5---8---,R-----5---a-", "r.r.r.,X-----------,X-----x-----,r.r.r.r.r.r."))),
)  # fmt: skip
SWING = Style(
    "jazz swing", (112, 184), 0.5, ("ii7 V7 Imaj7 VI7", "Imaj7 vi7 ii7 V7", "i7 iv7 iim7b5 V7", "I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7 V7",
     "Imaj7 Imaj7 ii7 V7 iii7 VI7 ii7 V7"),
    (BRUSH, STANDARD, BRUSH, ROOM), (UPRIGHT, UPRIGHT, UPRIGHT, FRETLESS), (0, 26, 11, 0),
    (_triplet("o..o..,x..o..o..o..,o.....x.....,o..o..o..x..", "s .....g......,s ............,r .........x..,s ...g....g...", "d X..x.o|p ...x..,d x..X.x|p ...x..,h x..x.o",
           ",", "walk,walk,walk,R--5--,R-----5-----", "X.....x.....,...X....X...,..X........X,X--..X......,X..x..X..x.."),
     _groove((3, 4), 160, 3, ("x........,o.....o..,x.......x", "s .....g...,r ...x.....,s ........g", "d X..x.ox..|p ...x.....,d X..x..x.o|p ...x..x..",
           ",", "walk,R--5--8--,R-----5--,walk", "X--......,..X..X...,X--x--x--,...X..X.."))),
)  # fmt: skip
BLUES = Style(
    "shuffle blues", (84, 126), 0.5,
    ("I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7"),
    (STANDARD, ROOM, ROOM), (FINGER, UPRIGHT, PICK, FINGER), (16, 0, 27, 29),
    (_groove((12, 8), 240, 3, ("x.....x.x...,x..x..x..x..,x....xx.....,x.....x.....", "s ...X.....X..,s ...X....gX..,s ...X.g...X.g", "h x.x,d x.x,h xox,d X.xx.o",
           "t ...x..,", "R.R3.35.56.6,R.35.68.65.3,R..3..5..6..,walk,R.RR.R5.56.a,R-.3-.5-.6-.", "..X,X.xX.x,X-----x-----,...X.....X..")),),
)  # fmt: skip
DOOWOP = Style(
    "slow twelve-eight", (60, 84), 0.5, ("I vi IV V", "I vi ii7 V7", "I iii7 IV V7", "i bVI iv V7"),
    (STANDARD, BRUSH, ROOM), (FINGER, UPRIGHT, FRETLESS), (0, 16, 24, 48),
    (_groove((12, 8), 240, 3, ("x.....x.....,x....xx.....,x....xx..x..", "s ...X.....X..,r ...X.....X..,s ...X....gX..", "h xoo,d xxx,h xxo", "t ...x..,",
           "R-----5--8--,R--..RR--5--,R--3--5--6--,R-----R--5-a", "XxX,rrr,X--,X-----------")),),
)  # fmt: skip
WALTZ = Style(
    "waltz", (96, 144), 0.5, ("I IV V I", "I vi ii V7", "i iv V7 i", "I V7 V7 I", "i bVII bVI V7", "Imaj7 IVmaj7 iii7 vi7"),
    (BRUSH, STANDARD, ORCHESTRA), (UPRIGHT, FRETLESS, FINGER), (0, 24, 21, 48),
    (_groove((3, 4), 120, 4, ("x...........,x.......o...,x.........o.", "s ....x...x...,r ....x...x...,s ....x...x.g.,s ........X...", "h x.x.,h x...,d x.x.", "t ....x...x...,",
           "R-----------,R---5---5---,R---3---5---,R-------5-a-,R-----..5-..", "....X...X...,r.r.r.r.r.r.,X-----------,....X--.X--.")),),
)  # fmt: skip
ODD = Style(
    "odd meter", (112, 148), 0.5, ("i bVII bVI bVII", "i i iv bVII", "I bVII IV I", "i bIII IV bVI"),
    (ROOM, POWER, STANDARD), (PICK, FINGER, FRETLESS), (29, 4, 18, 27),
    (_groove((7, 8), 120, 2, ("x.....x.x.....,x.x.....x..x..", "s ....X.....X...,s ....X...g.X...", "h x.x.x.x.x.x.x.,d x.x.x.x.x.x.x.", "t ....x.....x...,",
           "lock,R.R.8.R.R.5.8.,R---5---R-5-a-,R.R.R.R.R.R.a.", "X---X---X-----,X...x...X.x...,r.r.r.r.r.r.r.")),
     _groove((5, 4), 120, 4, ("x.....x.....x.......,x..x....x...x.......", "s ....X.......X...x...,s ....X..g....X...X...", "h x.x.,d x.x.,d x..xx.x.x.x.x.x.x.x.", "t ....x.......x...x...,",
           "lock,R---..5-8-..5---3-a-,R.R.R.R.R.R.5.5.8.8.,R-----5-----R---5---", "X-----X-----X---X---,X...x...x...X...x...,r.r."))),
)  # fmt: skip

# how often each genre is drawn, odd meters least
STYLES: tuple[tuple[Style, float], ...] = (
    (ROCK, 2.0), (PUNK, 0.8), (METAL, 1.0), (FUNK, 1.5), (DISCO, 1.2), (HOUSE, 1.4), (SYNTHPOP, 1.2), (HIPHOP, 1.2),
    (BREAKBEAT, 0.8), (SOUL, 1.2), (COUNTRY, 0.8), (BOSSA, 1.0), (LATIN, 1.0), (REGGAE, 1.2), (BALLAD, 1.2),
    (SWING, 1.5), (BLUES, 1.0), (DOOWOP, 0.8), (WALTZ, 0.7), (ODD, 0.5),
)  # fmt: skip
