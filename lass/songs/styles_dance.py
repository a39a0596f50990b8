"""Funk, dance music, hip-hop and reggae."""

from lass.songs.grooves import (
    ELECTRONIC,
    FINGER,
    FRETLESS,
    POWER,
    ROOM,
    SLAP1,
    SLAP2,
    STANDARD,
    SYNTH1,
    SYNTH2,
    TR808,
    Style,
    groove,
    split,
)

FUNK = Style(
    name="funk",
    tempo=(92, 118),
    swing=0.52,
    chords=split("i7 IV7 / I7 I7 IV7 I7 / i7 i7 bVII7 IV7 / i7 IV7 i7 bVI7 / ii7 V7"),
    kits=(ROOM, STANDARD, POWER),
    basses=(SLAP1, SLAP2, FINGER, SLAP1),
    comping=(7, 27, 28, 16),
    grooves=(
        groove(
            kicks=(
                "x.x.......x..x.. / x..x..x...x..... / x.......x.x..x.. / x.x...x.......x. / x.....x..xx....."
            ),
            backs="s ....X..g.g..X..g / s ....X..g.g.gX... / s .g..X..g....X.g. / s ....X..g..g.X...",
            tops="h xoxo / h X.x. / h xoxo|o ......x. / d X.x.|p ....x...",
            colours="w x... / t ..x. / m xoxo / ",
            basses=(
                "lock / R..R..8.R.g.7.8. / R.g8..R..g5.7.8. / R...R..g..8.g57. / R.R...8..gR.3.5. / "
                "RgR..8g.R.g.7.8g"
            ),
            comps="..X...X. / ..x.x..X..x.x..X / X..x..X. / ....X..x....X...",
        ),
    ),
)
DISCO = Style(
    name="disco",
    tempo=(112, 126),
    chords=split("i7 iv7 / i7 bVIImaj7 bVImaj7 V7 / vi7 ii7 V7 Imaj7 / i i bVI bVII / ii7 V7 Imaj7 vi7"),
    kits=(STANDARD, ROOM, ELECTRONIC),
    basses=(FINGER, SLAP1, SLAP2, FINGER),
    comping=(48, 4, 27, 28),
    grooves=(
        groove(
            kicks="x...",
            backs="s ....X... / s ....X...|c ....x...",
            tops="h x.o.|o ..x. / h xox.|o ..x. / h xoxo",
            colours="t ..x. / m xoxo / 1 ..x...x.|3 ....x..x",
            basses="R.8. / R.8.R.8.R.8.5.a. / R...8.R.R...8.5. / R.R.8.R.R.3.5.8.",
            comps="..X. / X--------------- / X..X..X. / ..x.x..x",
        ),
    ),
)
HOUSE = Style(
    name="house",
    tempo=(118, 130),
    swing=0.53,
    chords=split("i7 i7 bVImaj7 bVII / i7 iv7 / ii7 i7 / i bVI bIII bVII / i7 v7 iv7 i7"),
    kits=(ELECTRONIC, TR808, TR808, ELECTRONIC),
    basses=(SYNTH1, SYNTH2, SYNTH1),
    comping=(4, 17, 50, 0),
    grooves=(
        groove(
            kicks="x...",
            backs="c ....X... / c ....X...|s ............g..g",
            tops="o ..x. / h xox.|o ..x. / h ..x. / h xoxo",
            colours="m xoxo / w ...x..x. / 3 ...x...x|2 ......x. / ",
            basses="..R. / ..R...R...R.8.R. / R..R..R. / R.R..R.8..R..7.8 / ..RR",
            comps="..X...X..X...X.. / X..X..X...X..X.. / X--------------- / ...X..X.",
        ),
    ),
)
HIPHOP = Style(
    name="hip-hop",
    tempo=(78, 98),
    swing=0.58,
    chords=split("i7 iv7 / i bVI / ii7 V7 i7 i7 / i7 bVII bVI V7 / i bVImaj7 iv7 V7"),
    kits=(TR808, TR808, ROOM, STANDARD),
    basses=(SYNTH2, FINGER, SYNTH1, FRETLESS),
    comping=(4, 5, 0, 11),
    grooves=(
        groove(
            kicks="x.....x...x..... / x..x......x..x.. / x.x....x..x..... / x......x.xx.....",
            backs="s ....X.......X... / s ....X..g....X..g / c ....X...",
            tops="h x.x. / h xox. / h x.x.x.xxx.x.x.x. / h x.x.|o ..............x.",
            colours="m x.o. / w ..........x..... / ",
            basses="lock / lock / R-----R-..5-R--- / R--R--..R-..7-a-",
            comps="X--------------- / X.....x...X..... / ..X...X. / r..r..r.r..r..r.",
        ),
    ),
)
BREAKBEAT = Style(
    name="breakbeat",
    tempo=(128, 168),
    chords=split("i7 iv7 / i bVII / i7 bVImaj7 / ii7 i7 / i7 i7 bVII bVI"),
    kits=(STANDARD, ROOM, ELECTRONIC),
    basses=(SYNTH1, SYNTH2, FRETLESS),
    comping=(4, 89, 50),
    grooves=(
        groove(
            kicks="x.x.......xx.... / x.........x..... / x.x...x...x.....",
            backs="s ....X..g.g..X..g / s ....X..g.g....X. / s ....X.......X..g",
            tops="h x.x. / d x.x. / h xoxo",
            colours="m xoxo / t ..x. / ",
            basses="R-----R---5----- / R-..R-..8-..7-.. / lock / R...R...8.R...5.",
            comps="X--------------- / ..X...X. / X.....X.........",
        ),
    ),
)
REGGAE = Style(
    name="reggae",
    tempo=(66, 84),
    swing=0.54,
    chords=split("I IV / i iv / I V vi IV / i bVII / I ii IV I / i iv bVII bIII"),
    kits=(ROOM, STANDARD, POWER),
    basses=(FRETLESS, FINGER, FRETLESS, SYNTH2),
    comping=(27, 16, 0, 17),
    grooves=(
        groove(
            kicks="........x....... / x...x... / x.......x.......",
            backs="r ........X....... / s ........X....... / r ........X.....x. / s ....x...X...x...",
            tops="h x.o. / h x.x. / h xoxo|o ......x.",
            colours="m x.o. / 1 ..x...x. / ",
            basses=(
                "R--.R-.3--.5-... / R-R...5-3-R..... / ..R-R-..5-.3-.R- / R---R-3-5---3-R- / R-..R-..3-5-..R-"
            ),
            comps="..X. / ....X... / ..X...xx / ..X...X...X..xX.",
        ),
    ),
)
