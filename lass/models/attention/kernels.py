"""One position of a transformer's attention on a GPU, over keys and values that never move (Triton).

Imported where tensors lie on a GPU, and by the tests, which run it in Triton's interpreter.
"""

import triton
import triton.language as tl

TILE = 64  # positions that one program reads
CHUNK = 256  # bytes of a key, or of a value, that it reads at a time
TOGETHER = 16  # sequences at most whose common past is read once


@triton.jit(do_not_specialize=["positions"])  # type: ignore[untyped-decorator]
def rotate_and_store(  # type: ignore[no-untyped-def]
    qkv,  # [R, (heads + 2 kv_heads) * D]
    rotation,  # cosine and sine [S, D / 2] float32
    cache,  # keys, values [R, kv_heads, S, D]: written at the newest position; ancestors; the position
    positions,  # S
    queries,  # [R, heads, D]: written
    SIZES: tl.constexpr,  # heads, kv_heads, D, and D / 2 rounded up to a power of two
):
    """Rotate queries and keys of the newest position; remember its keys and values."""
    HEADS: tl.constexpr = SIZES[0]
    GROUPS: tl.constexpr = SIZES[1]
    WIDTH: tl.constexpr = SIZES[2]
    HALF: tl.constexpr = WIDTH // 2
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    PADDED: tl.constexpr = SIZES[3]
    place = tl.load(cache[3])
    channel = tl.arange(0, PADDED)
    inside = channel < HALF
    source = qkv + (row * (HEADS + 2 * GROUPS) + head) * WIDTH + channel
    first = tl.load(source, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(source + HALF, mask=inside, other=0.0).to(tl.float32)
    cosine = tl.load(rotation[0] + place * HALF + channel, mask=inside, other=1.0)
    sine = tl.load(rotation[1] + place * HALF + channel, mask=inside, other=0.0)
    turned = first * cosine - second * sine
    turned_too = first * sine + second * cosine
    if head < HEADS:
        target = queries + (row * HEADS + head) * WIDTH + channel
        tl.store(target, turned, mask=inside)
        tl.store(target + HALF, turned_too, mask=inside)
    elif head < HEADS + GROUPS:
        target = cache[0] + ((row * GROUPS + head - HEADS) * positions + place) * WIDTH + channel
        tl.store(target, turned, mask=inside)
        tl.store(target + HALF, turned_too, mask=inside)
    else:
        target = cache[1] + ((row * GROUPS + head - HEADS - GROUPS) * positions + place) * WIDTH + channel
        tl.store(target, first, mask=inside)
        tl.store(target + HALF, second, mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def channels_of(base, lines, known, channel, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Some `channel`s [C] of the vectors `lines` [A] of WIDTH channels [A, C]; 0 where they are not known."""
    inside = known[:, None] & (channel < WIDTH)[None, :]
    return tl.load(base + lines[:, None] * WIDTH + channel[None, :], mask=inside, other=0.0)


@triton.jit
def stored_lines(cache, positions, row, place, known):  # type: ignore[no-untyped-def]
    """Where keys and values of the positions `place` [T] of the sequence `row` lie."""
    ancestor = tl.load(cache[2] + row * positions + place, mask=known, other=0).to(tl.int64)
    return (ancestor * tl.num_programs(1) + tl.program_id(1)) * positions + place


@triton.jit  # type: ignore[untyped-decorator]
def scores_of(queries, keys, line, stored, known, SIZES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Products of the queries `line` [Q] with the keys `stored` [T]: [Q, T]."""
    WIDTH: tl.constexpr = SIZES[2]
    PART: tl.constexpr = SIZES[6]
    scores = tl.zeros([line.shape[0], stored.shape[0]], tl.float32)
    for begin in range(0, WIDTH, PART):
        channel = begin + tl.arange(0, PART)
        q = channels_of(queries, line, line >= 0, channel, WIDTH)
        k = channels_of(keys, stored, known, channel, WIDTH)
        scores = tl.dot(q, tl.trans(k), scores, input_precision="ieee")
    return scores


@triton.jit
def differ(cache, positions, row, place, known):  # type: ignore[no-untyped-def]
    """Whether the sequences `row` [M] have different ancestors at one of the positions `place` [T]."""
    lines = cache[2] + row[:, None] * positions + place[None, :]
    held = tl.load(lines, mask=known[None, :], other=0)
    return tl.max(tl.max(held, axis=0) - tl.min(held, axis=0), axis=0) > 0


@triton.jit(do_not_specialize=["positions"])  # type: ignore[untyped-decorator]
def attend_tiles(  # type: ignore[no-untyped-def]
    queries,  # [R, heads, D]
    cache,  # keys, values [R, kv_heads, S, D]; ancestors [R, S] int32: rows of the positions; the newest [1]
    positions,  # S
    scale,  # of the scores
    pieces,  # of every tile: largest score, mass [tiles, R, heads]; attended values [tiles, R, heads, D]
    SIZES: tl.constexpr,  # heads, kv_heads, D, M, Q, TILE, CHUNK (the last three powers of two), apart
):
    """Attention of sequences to one tile of positions.

    Of M neighbours at once where all have one past, which is read once; or, `apart`, of one at a time where
    they have not. Together the two write every piece. Q: queries of as many sequences, or more.
    """
    HEADS: tl.constexpr = SIZES[0]
    WIDTH: tl.constexpr = SIZES[2]
    MEMBERS: tl.constexpr = SIZES[3]
    LINES: tl.constexpr = SIZES[4]
    PLACES: tl.constexpr = SIZES[5]
    PART: tl.constexpr = SIZES[6]
    APART: tl.constexpr = SIZES[7]
    REPEATS: tl.constexpr = SIZES[0] // SIZES[1]
    TAKEN: tl.constexpr = 1 if APART else MEMBERS
    tile = tl.program_id(2)
    length = tl.load(cache[3]) + 1
    if tile * PLACES >= length:
        return
    place = tile * PLACES + tl.arange(0, PLACES)
    known = place < length
    index = tl.arange(0, LINES)
    first = tl.program_id(0).to(tl.int64) * TAKEN
    family = first // MEMBERS * MEMBERS
    if differ(cache, positions, family + index % MEMBERS, place, known) != APART:
        return
    exists = index < TAKEN * REPEATS
    row = first + tl.where(exists, index // REPEATS, 0)
    line = row * HEADS + tl.program_id(1) * REPEATS + tl.where(exists, index % REPEATS, 0)
    stored = stored_lines(cache, positions, first, place, known)
    scores = scores_of(queries, cache[0], line, stored, known, SIZES)
    scores = tl.where(known[None, :], scores * scale, -float("inf"))
    height = tl.max(scores, axis=1)
    shares = tl.exp(scores - height[:, None])
    part = tile * tl.num_programs(0).to(tl.int64) * TAKEN * HEADS + line
    tl.store(pieces[0] + part, height, mask=exists)
    tl.store(pieces[1] + part, tl.sum(shares, axis=1), mask=exists)
    for begin in range(0, WIDTH, PART):
        channel = begin + tl.arange(0, PART)
        v = channels_of(cache[1], stored, known, channel, WIDTH)
        attended = tl.dot(shares.to(v.dtype), v, input_precision="ieee")
        inside = exists[:, None] & (channel < WIDTH)[None, :]
        tl.store(pieces[2] + part[:, None] * WIDTH + channel[None, :], attended, mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def join_tiles(  # type: ignore[no-untyped-def]
    pieces,  # as of `attend_tiles`
    position,  # [1] int64
    output,  # [R, heads, D]: written
    SIZES: tl.constexpr,  # D, tiles to a power of two, TILE, CHUNK
):
    """Join the attention to all tiles by their masses."""
    WIDTH: tl.constexpr = SIZES[0]
    TILES: tl.constexpr = SIZES[1]
    PLACES: tl.constexpr = SIZES[2]
    PART: tl.constexpr = SIZES[3]
    line = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * PART + tl.arange(0, PART)
    tile = tl.arange(0, TILES)
    known = tile * PLACES <= tl.load(position)
    part = tile * tl.num_programs(0).to(tl.int64) + line
    height = tl.load(pieces[0] + part, mask=known, other=-float("inf"))
    share = tl.exp(height - tl.max(height, axis=0))
    mass = tl.sum(share * tl.load(pieces[1] + part, mask=known, other=0.0), axis=0)
    where = known[:, None] & (channel < WIDTH)[None, :]
    values = tl.load(pieces[2] + part[:, None] * WIDTH + channel[None, :], mask=where, other=0.0)
    attended = tl.sum(values * share[:, None], axis=0) / mass
    tl.store(output + line * WIDTH + channel, attended, mask=channel < WIDTH)
