"""Rock, pop and songs: grooves on straight sixteenths, twelve-eight and odd meters."""

from lass.songs.grooves import (
    BRUSH,
    ELECTRONIC,
    FINGER,
    FRETLESS,
    ORCHESTRA,
    PICK,
    POWER,
    ROOM,
    STANDARD,
    SYNTH1,
    SYNTH2,
    TR808,
    UPRIGHT,
    Style,
    groove,
    split,
)

ROCK = Style(
    name="rock",
    tempo=(96, 144),
    chords=split("I V vi IV / I bVII IV I / i bVI bIII bVII / I IV V IV / vi IV I V / i bVII bVI V"),
    kits=(STANDARD, ROOM, POWER),
    basses=(FINGER, PICK, PICK),
    comping=(29, 30, 27, 18),
    grooves=(
        groove(
            kicks=(
                "x.....x.x....... / x.x.....x.x..... / x.......x.x..... / x..x....x.x..... / x.....x...x....."
            ),
            backs="s ....X.......X... / s ....X..g.g..X... / s ....X..g....X..g",
            tops="h X.x. / h x.x.|o ..............x. / d X.x. / C X...",
            colours="t ....x... / m x.o. / ",
            basses="lock / lock / R.R. / R.R.R.R.R.R.5.a. / R.R.R.R.8.8.5.3.",
            comps="X--------------- / X.......X....... / X--.X--.X--.X.X. / X.x.",
        ),
    ),
)
PUNK = Style(
    name="punk",
    tempo=(150, 188),
    chords=split("I IV V V / I V vi IV / i bVI bVII i / I bIII IV I"),
    kits=(POWER, ROOM),
    basses=(PICK, PICK, FINGER),
    comping=(30, 29),
    grooves=(
        groove(
            kicks="x.....x.x....... / x...x... / x.....x...x.....",
            backs="s ....X...",
            tops="h X.x. / C X... / o X...",
            basses="R.R. / R. / R.R.R.R.R.R.R.a.",
            comps="X.X. / X---X--- / X-X-X-X-",
        ),
    ),
)
METAL = Style(
    name="metal",
    tempo=(104, 168),
    chords=split("i bVI bVII i / i bII i bVII / i i bVI bVII / i bIII bVI bII / i bV i bII"),
    kits=(POWER, POWER, ROOM),
    basses=(PICK, PICK, FINGER),
    comping=(30, 30, 29),
    grooves=(
        groove(
            kicks="xx.xxx.xxx.xxx.x / x.xxx.xx / xxxx / x.x. / xx..xx..xx..x.x.",
            backs="s ....X... / s ........X.......",
            tops="C X... / d X.x. / o X... / b X...",
            basses="lock / lock / lock / R.R. / R.R.R.R.R.R.3.a.",
            comps="X.xxX.xx / X--------------- / X.X.x.X. / X..X..X.X..X..X.",
        ),
    ),
)
SYNTHPOP = Style(
    name="synthpop",
    tempo=(100, 128),
    chords=split("vi IV I V / i bVI bIII bVII / I V vi IV / i bVII bVI bVII / IV V iii vi"),
    kits=(ELECTRONIC, ELECTRONIC, TR808, POWER),
    basses=(SYNTH2, SYNTH1, SYNTH2),
    comping=(50, 81, 90, 5),
    grooves=(
        groove(
            kicks="x... / x.....x.x....... / x..x....x.x.....",
            backs="s ....X... / c ....X...|s ....x...",
            tops="h x.x. / h xoxo / h x.x.|o ......x.",
            colours="t ..x. / m x.x. / ",
            basses="R.R. / R.R.8.R. / RRRR / R.8.R.8.R.8.5.8.",
            comps="r.r. / X--------------- / r.rr / X..X..X.",
        ),
    ),
)
SOUL = Style(
    name="soul",
    tempo=(96, 128),
    swing=0.52,
    chords=split("I vi IV V / Imaj7 ii7 iii7 IVmaj7 / I I IV IV / ii7 V7 Imaj7 IVmaj7 / I iii7 IV V7"),
    kits=(STANDARD, ROOM, STANDARD),
    basses=(FINGER, UPRIGHT, FRETLESS, PICK),
    comping=(0, 16, 17, 27),
    grooves=(
        groove(
            kicks="x...x... / x..x..x.x..x..x. / x......xx.x..... / x.x.....x.x.....",
            backs="s X... / s ....X... / s ....X..g....X...",
            tops="h x.x. / h x.x.|o ......x. / d x.x.",
            colours="t ....X... / t x.x. / m x.o.",
            basses="R..R..5.8..5.6.a / R...R.3.5...6.5. / R..RR.5.R..R5.6. / R.R.5.R.R.6.5.3.",
            comps="....X... / X.....x...X..... / X---X--- / ..x.",
        ),
    ),
)
COUNTRY = Style(
    name="country",
    tempo=(92, 128),
    chords=split("I IV V I / I I IV V / I V I IV / I vi IV V / I IV I V7"),
    kits=(STANDARD, BRUSH, BRUSH),
    basses=(PICK, UPRIGHT, FINGER),
    comping=(25, 0, 24),
    grooves=(
        groove(
            kicks="x...",
            backs="s ogXgogXg / s oxXxogXg / r ....X...",
            tops="h x.x. / h ..x. / p ..x.",
            colours="t ..x. / m xoxo / ",
            basses="R---5--- / R---5---R---5-a- / R---3---5---3--- / R-..5-..",
            comps="..X. / ..X...xx / X.x. / r.x.r.x.",
        ),
    ),
)
BALLAD = Style(
    name="ballad",
    tempo=(62, 84),
    chords=split(
        "I V vi IV / Imaj7 vi7 ii7 V7 / I iii7 IV iv / i bVI bIII bVII / IVmaj7 V iii7 vi7 / I V,vi IV I,V"
    ),
    kits=(STANDARD, BRUSH, ORCHESTRA, ROOM),
    basses=(FRETLESS, FINGER, UPRIGHT, SYNTH2),
    comping=(0, 4, 48, 24),
    grooves=(
        groove(
            kicks="x.......x....... / x.....x.x....... / x.......x.x..... / x..x....x.....x.",
            backs="s ....X.......X... / r ....X.......X... / s ....X.......X..g",
            tops="h x.x. / h xoxo / d x.x.",
            colours="m x.o. / t ....x... / ",
            basses="R-----R-5------- / R-------5---8--- / R-----5-8-----a- / R---5---8---5--- / lock",
            comps="X--------------- / r.r.r.r. / X-------x------- / r---r---r---r---",
        ),
        groove(
            meter=(6, 8),
            beat=6,
            kicks="x........... / x.....x..... / x...x.......",
            backs="s ......X..... / r ......X..... / s ......X...g.",
            tops="h x.o.o. / d x.x.x. / h x.xox.",
            colours="m x.o.o. / ",
            basses="R-----5-8--- / R-----R---5- / R---5---8--- / R-----5---a-",
            comps="r.r.r. / X----------- / X-----x----- / r.r.r.r.r.r.",
        ),
    ),
)
DOOWOP = Style(
    name="slow twelve-eight",
    tempo=(60, 84),
    chords=split("I vi IV V / I vi ii7 V7 / I iii7 IV V7 / i bVI iv V7"),
    kits=(STANDARD, BRUSH, ROOM),
    basses=(FINGER, UPRIGHT, FRETLESS),
    comping=(0, 16, 24, 48),
    grooves=(
        groove(
            meter=(12, 8),
            step=240,
            beat=3,
            kicks="x.....x..... / x....xx..... / x....xx..x..",
            backs="s ...X.....X.. / r ...X.....X.. / s ...X....gX..",
            tops="h xoo / d xxx / h xxo",
            colours="t ...x.. / ",
            basses="R-----5--8-- / R--..RR--5-- / R--3--5--6-- / R-----R--5-a",
            comps="XxX / rrr / X-- / X-----------",
        ),
    ),
)
ODD = Style(
    name="odd meter",
    tempo=(112, 148),
    chords=split("i bVII bVI bVII / i i iv bVII / I bVII IV I / i bIII IV bVI"),
    kits=(ROOM, POWER, STANDARD),
    basses=(PICK, FINGER, FRETLESS),
    comping=(29, 4, 18, 27),
    grooves=(
        groove(
            meter=(7, 8),
            beat=2,
            kicks="x.....x.x..... / x.x.....x..x..",
            backs="s ....X.....X... / s ....X...g.X...",
            tops="h x.x.x.x.x.x.x. / d x.x.x.x.x.x.x.",
            colours="t ....x.....x... / ",
            basses="lock / R.R.8.R.R.5.8. / R---5---R-5-a- / R.R.R.R.R.R.a.",
            comps="X---X---X----- / X...x...X.x... / r.r.r.r.r.r.r.",
        ),
        groove(
            meter=(5, 4),
            kicks="x.....x.....x....... / x..x....x...x.......",
            backs="s ....X.......X...x... / s ....X..g....X...X...",
            tops="h x.x. / d x.x. / d x..xx.x.x.x.x.x.x.x.",
            colours="t ....x.......x...x... / ",
            basses="lock / R---..5-8-..5---3-a- / R.R.R.R.R.R.5.5.8.8. / R-----5-----R---5---",
            comps="X-----X-----X---X--- / X...x...x...X...x... / r.r.",
        ),
    ),
)
