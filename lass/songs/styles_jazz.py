"""Jazz, blues, Latin music and waltzes."""

from lass.songs.grooves import (
    BRUSH,
    FINGER,
    FRETLESS,
    ORCHESTRA,
    PICK,
    ROOM,
    STANDARD,
    UPRIGHT,
    Style,
    groove,
    split,
)

BOSSA = Style(
    name="bossa",
    tempo=(116, 148),
    chords=split(
        "Imaj7 II7 ii7 V7 / ii7 V7 Imaj7 VI7 / i7 iv7 V7 i7 / Imaj7 bIIdim ii7 V7 / Imaj7 vi7 ii7 V7"
    ),
    kits=(BRUSH, BRUSH, STANDARD),
    basses=(UPRIGHT, FRETLESS, UPRIGHT, FINGER),
    comping=(24, 24, 0, 11),
    grooves=(
        groove(
            kicks="x..xx..x",
            backs="r x..x..x...x..x.. / r x..x..x...x.x... / r ...x..x.x..x..x.",
            tops="h x.x. / h xoxo / d x.x.|p ....x...",
            colours="m xoxo / v ....x... / ",
            basses="R--55--R / R--5R--5 / R-.55-.5 / R--R5--5R--R5-a-",
            comps="X..X...X..X..X.. / X..X..x..X..X... / ..X...X..X..X... / x.X..X..X..X..X.",
        ),
    ),
)
LATIN = Style(
    name="latin",
    tempo=(92, 116),
    chords=split("i iv V7 iv / I IV V IV / i bVII bVI V7 / ii7 V7 Imaj7 Imaj7 / i V7 V7 i"),
    kits=(STANDARD, ROOM, ORCHESTRA),
    basses=(UPRIGHT, FRETLESS, FINGER),
    comping=(0, 0, 24, 11),
    grooves=(
        groove(
            kicks="x.....x. / x..x..x. / x...x...",
            backs="r x..x..x...x.x... / s ......X.......X. / r ....x.....x.x...",
            tops="w X.x. / b X.x.xxx.X.x.xxx. / h xoxo",
            colours="1 x.x...x.|2 ......xx|3 ....x... / 1 x.x.|2 ......xx / v x..x..x...x.x...",
            basses="R.....5.....8--- / R..5..8.R..5..8. / ...5--8-...5--R- / R--..5--R--.5-a-",
            comps="x.X.x..Xx.X.x..X / X..x..X.x.X..x.. / r.rr.rr.r.rr.rr. / X.x..x.X.x..x.X.",
        ),
    ),
)
SWING = Style(
    name="jazz swing",
    tempo=(112, 184),
    chords=split(
        "ii7 V7 Imaj7 VI7 / Imaj7 vi7 ii7 V7 / i7 iv7 iim7b5 V7 / I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7 V7 / "
        "Imaj7 Imaj7 ii7 V7 iii7 VI7 ii7 V7"
    ),
    kits=(BRUSH, STANDARD, BRUSH, ROOM),
    basses=(UPRIGHT, UPRIGHT, UPRIGHT, FRETLESS),
    comping=(0, 26, 11, 0),
    grooves=(
        groove(
            step=160,
            beat=3,
            kicks="o..o.. / x..o..o..o.. / o.....x..... / o..o..o..x..",
            backs="s .....g...... / s ............ / r .........x.. / s ...g....g...",
            tops="d X..x.o|p ...x.. / d x..X.x|p ...x.. / h x..x.o",
            basses="walk / walk / walk / R--5-- / R-----5-----",
            comps="X.....x..... / ...X....X... / ..X........X / X--..X...... / X..x..X..x..",
        ),
        groove(
            meter=(3, 4),
            step=160,
            beat=3,
            kicks="x........ / o.....o.. / x.......x",
            backs="s .....g... / r ...x..... / s ........g",
            tops="d X..x.ox..|p ...x..... / d X..x..x.o|p ...x..x..",
            basses="walk / R--5--8-- / R-----5-- / walk",
            comps="X--...... / ..X..X... / X--x--x-- / ...X..X..",
        ),
    ),
)
BLUES = Style(
    name="shuffle blues",
    tempo=(84, 126),
    chords=split(
        "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7 / I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7 / "
        "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7"
    ),
    kits=(STANDARD, ROOM, ROOM),
    basses=(FINGER, UPRIGHT, PICK, FINGER),
    comping=(16, 0, 27, 29),
    grooves=(
        groove(
            meter=(12, 8),
            step=240,
            beat=3,
            kicks="x.....x.x... / x..x..x..x.. / x....xx..... / x.....x.....",
            backs="s ...X.....X.. / s ...X....gX.. / s ...X.g...X.g",
            tops="h x.x / d x.x / h xox / d X.xx.o",
            colours="t ...x.. / ",
            basses="R.R3.35.56.6 / R.35.68.65.3 / R..3..5..6.. / walk / R.RR.R5.56.a / R-.3-.5-.6-.",
            comps="..X / X.xX.x / X-----x----- / ...X.....X..",
        ),
    ),
)
WALTZ = Style(
    name="waltz",
    tempo=(96, 144),
    chords=split("I IV V I / I vi ii V7 / i iv V7 i / I V7 V7 I / i bVII bVI V7 / Imaj7 IVmaj7 iii7 vi7"),
    kits=(BRUSH, STANDARD, ORCHESTRA),
    basses=(UPRIGHT, FRETLESS, FINGER),
    comping=(0, 24, 21, 48),
    grooves=(
        groove(
            meter=(3, 4),
            kicks="x........... / x.......o... / x.........o.",
            backs="s ....x...x... / r ....x...x... / s ....x...x.g. / s ........X...",
            tops="h x.x. / h x... / d x.x.",
            colours="t ....x...x... / ",
            basses="R----------- / R---5---5--- / R---3---5--- / R-------5-a- / R-----..5-..",
            comps="....X...X... / r.r.r.r.r.r. / X----------- / ....X--.X--.",
        ),
    ),
)
