"""AES-256-GCM (FIPS 197, NIST SP 800-38D), for tests that make what the daemon must read: written from the standards,
so that it shares nothing with the daemon's library, and slow."""


def _sbox():
    power, log, value = [0] * 256, [0] * 256, 1
    for exponent in range(255):
        power[exponent], log[value] = value, exponent
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)
    table = []
    for octet in range(256):
        inverse = power[(255 - log[octet]) % 255] if octet else 0
        rotated = inverse
        for shift in range(1, 5):
            rotated ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        table.append(rotated ^ 0x63)
    return table


SBOX = _sbox()


def _double(octet):
    return ((octet << 1) ^ (0x11B if octet & 0x80 else 0)) & 0xFF


def _round_keys(key):
    words = [list(key[at : at + 4]) for at in range(0, 32, 4)]
    constant = 1
    while len(words) < 60:
        word = list(words[-1])
        if len(words) % 8 == 0:
            word = [SBOX[octet] for octet in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _double(constant)
        elif len(words) % 8 == 4:
            word = [SBOX[octet] for octet in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[at : at + 4], []) for at in range(0, 60, 4)]


def _block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 15):
        state = [SBOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]  # SubBytes and ShiftRows
        if number < 14:
            mixed = []
            for column in range(0, 16, 4):
                a = state[column : column + 4]
                every = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[row] ^ every ^ _double(a[row] ^ a[(row + 1) % 4]) for row in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def _times(x, y):
    """In GF(2^128), bits in GCM's order."""
    product = 0
    for bit in range(127, -1, -1):
        if y >> bit & 1:
            product ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return product


def _tag(keys, nonce, associated, ciphertext):
    subkey, hashed = int.from_bytes(_block(keys, bytes(16)), "big"), 0
    lengths = (len(associated) * 8).to_bytes(8, "big") + (len(ciphertext) * 8).to_bytes(8, "big")
    for part in (associated, ciphertext, lengths):
        for at in range(0, len(part), 16):
            hashed = _times(hashed ^ int.from_bytes(part[at : at + 16].ljust(16, b"\0"), "big"), subkey)
    first = int.from_bytes(_block(keys, nonce + b"\0\0\0\1"), "big")
    return (hashed ^ first).to_bytes(16, "big")


def _stream(keys, nonce, octets):
    result = b""
    for number, at in enumerate(range(0, len(octets), 16), 2):
        pad = _block(keys, nonce + number.to_bytes(4, "big"))
        result += bytes(a ^ b for a, b in zip(octets[at : at + 16], pad))
    return result


def encrypt(key, nonce, plain, associated=b""):
    """Ciphertext and tag. The key has 32 octets, the nonce 12."""
    keys = _round_keys(key)
    ciphertext = _stream(keys, nonce, plain)
    return ciphertext + _tag(keys, nonce, associated, ciphertext)


def decrypt(key, nonce, octets, associated=b""):
    """ValueError when the tag is wrong."""
    keys = _round_keys(key)
    ciphertext, tag = octets[:-16], octets[-16:]
    if _tag(keys, nonce, associated, ciphertext) != tag:
        raise ValueError("the tag is wrong")
    return _stream(keys, nonce, ciphertext)
