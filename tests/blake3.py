"""BLAKE3 from its public specification, plain hash only: slow, short, and nobody else's code."""

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
# Columns, then diagonals.
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF


def rotated(word, bits):
    return (word >> bits | word << (32 - bits)) & MASK


def compress(chaining, block, counter, length, flags):
    """The first eight words of the compression's output."""
    v = list(chaining) + list(IV[:4]) + [counter & MASK, counter >> 32, length, flags]
    for turn in range(7):
        for index, (a, b, c, d) in enumerate(QUARTERS):
            v[a] = (v[a] + v[b] + block[2 * index]) & MASK
            v[d] = rotated(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotated(v[b] ^ v[c], 12)
            v[a] = (v[a] + v[b] + block[2 * index + 1]) & MASK
            v[d] = rotated(v[d] ^ v[a], 8)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotated(v[b] ^ v[c], 7)
        if turn < 6:
            block = [block[place] for place in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def words(data):
    data = data.ljust(64, b"\0")
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, 64, 4)]


def chunk(data, index, root):
    chaining = list(IV)
    starts = list(range(0, len(data), 64)) or [0]
    for start in starts:
        block = data[start:start + 64]
        flags = (CHUNK_START if start == 0 else 0) | (CHUNK_END | root if start == starts[-1] else 0)
        chaining = compress(chaining, words(block), index, len(block), flags)
    return chaining


def tree(data, index, root):
    if len(data) <= 1024:
        return chunk(data, index, root)
    # The left half is the largest power of two of chunks that leaves something for the right.
    left = 1024
    while left * 2 < len(data):
        left *= 2
    halves = tree(data[:left], index, 0) + tree(data[left:], index + left // 1024, 0)
    return compress(IV, halves, 0, 64, PARENT | root)


def blake3(data):
    return b"".join(word.to_bytes(4, "little") for word in tree(bytes(data), 0, ROOT))
