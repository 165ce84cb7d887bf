"""Draws the figures of tests/bench/run, without a library; one function per picture."""

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 300, 60, 40, 46
SERIES = [
    ("echo", "bare epoll echo server", "#9aa5b1"),
    ("quiet", "stsmapd, lookups not logged", "#2b6cb0"),
    ("shipped", "stsmapd, a log line a lookup", "#63b3ed"),
]
FONT = 'font-family="sans-serif" font-size="12"'


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} {more}>{words}</text>'


def scale(most):
    """A round number not under `most`, and a step that divides it in five or fewer."""
    step = 10 ** (len(str(int(most))) - 1)
    for factor in (0.2, 0.5, 1, 2):
        if most / (step * factor) <= 5:
            step *= factor
            break
    return step * -(-most // step), step


def panel(left, width, rows, most, step, title, axis):
    out = [text(left + width / 2, TOP - 8, title, more='font-weight="bold"')]
    depth = HEIGHT - BOTTOM - TOP
    for n in range(int(most / step) + 1):
        y = HEIGHT - BOTTOM - depth * n * step / most
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        if axis:
            out.append(text(left - 6, y + 4, f"{n * step / 1000:g}k", "end"))
    group = width / len(rows)
    bar = group * 0.8 / len(SERIES)
    for at, row in enumerate(rows):
        for number, (name, _, colour) in enumerate(SERIES):
            height = depth * row[name]["per_second"] / most
            x = left + group * (at + 0.1) + bar * number
            y = HEIGHT - BOTTOM - height
            out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 1:.1f}" height="{height:.1f}" fill="{colour}"/>')
            if name != "echo":
                share = row[f"{name}_ratio"]
                out.append(text(x + bar / 2, y - 3, f"{share:.2f}".lstrip("0"), more='fill="#444444"')
                           .replace('font-size="12"', 'font-size="10"'))
        out.append(text(left + group * (at + 0.5), HEIGHT - BOTTOM + 16, row["connections"]))
    out.append(text(left + width / 2, HEIGHT - 8, "connections, one request in flight on each"))
    return out


def cached(rows):
    """Cached answers a second, next to the echo server's rate; above each bar its share of that rate."""
    most, step = scale(max(row[name]["per_second"] for row in rows for name, _, _ in SERIES))
    width = (WIDTH - LEFT - 30) / 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           'aria-label="cached answers a second">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for at, kind in enumerate(("tcp", "unix")):
        title = {"tcp": "TCP", "unix": "unix socket"}[kind] + ": cached answers a second"
        out += panel(LEFT + at * (width + 20), width, [row for row in rows if row["kind"] == kind], most, step, title,
                     at == 0)
    for at, (_, words, colour) in enumerate(SERIES):
        out.append(f'<rect x="{LEFT + at * 230}" y="6" width="10" height="10" fill="{colour}"/>')
        out.append(text(LEFT + 15 + at * 230, 15, words, "start"))
    return "\n".join([*out, "</svg>", ""])
