#!/usr/bin/env python3
"""Finds the forms of co_await that g++ 12 miscompiles (CONTRIBUTING.md, "g++ 12 and co_await").

A co_await starts a statement, or is the whole right-hand side of one assignment or initialisation, or follows co_return;
its operand builds no aggregate and no lambda on the spot.

usage: co_await_lint.py FILE...     prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from sources import Offences, code_only, line_of, read

# What may be between the start of the statement and the co_await.
START = re.compile(
    r"""(?: co_return
          | (?:const\s+)?auto\s*&{0,2}\s*\[[^\]]*\]\s*=            # auto [a, b] = co_await
          | (?:[A-Za-z_][\w:]*(?:<[^;{}()]*>)?[\s&*]+)*            # type, perhaps
            [A-Za-z_][\w]*(?:(?:\.|->|::)[A-Za-z_]\w*|\[[\w.]+\])* # name, member or element
            \s*=
        )?\s*$""",
    re.VERBOSE,
)
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(?:\(|\{|mutable\b)")
HEADS = re.compile(r"\b(?:if|while|switch|for)\b\s*(?:constexpr\s*)?\(")


def statement_start(code, at):
    """Where the statement around `at` begins, or None when `at` is inside a parenthesis."""
    depth = 0
    for i in range(at - 1, -1, -1):
        c = code[i]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth -= 1
            if depth < 0:
                return None
        elif depth == 0 and c in ";{}":
            return i + 1
    return 0


def after_control_head(text):
    """`if (x) co_await f()` or `else co_await f()`: the co_await still begins a statement."""
    while True:
        text = text.lstrip()
        if text.startswith("else") and not text[4:5].isalnum():
            text = text[4:]
            continue
        label = re.match(r"(?:case\b[^:?;]*|default)\s*:(?!:)", text)
        if label:
            text = text[label.end():]
            continue
        head = HEADS.match(text)
        if not head:
            return text
        depth, i = 1, head.end()
        while i < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            i += 1
        text = text[i:]


def offences_in(code):
    """Yields (line, what) for code without comments and literals."""
    for match in re.finditer(r"\bco_await\b", code):
        at = match.start()
        start = statement_start(code, at)
        before = code[start:at] if start is not None else None
        if before is None:
            yield line_of(code, at), "co_await inside an expression or a condition"
            continue
        if not START.fullmatch(after_control_head(before)):
            yield line_of(code, at), "co_await is not the whole right-hand side"
            continue
        operand = code[match.end():]
        end = re.search(r";", operand)
        operand = operand[: end.start()] if end else operand
        if "{" in operand:
            yield line_of(code, at), "operand of co_await builds an aggregate or a lambda"
        elif LAMBDA.search(operand):
            yield line_of(code, at), "operand of co_await builds a lambda"
        elif tail_after_call(operand):
            yield line_of(code, at), "something follows the co_await expression"


def tail_after_call(operand):
    """True for `co_await f() + 1`, `co_await f() ? a : b`, `co_await f(), g()`; members and calls may follow."""
    depth = 0
    for i, c in enumerate(operand):
        if c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
            if depth < 0:
                return True
        elif depth == 0 and (c in "?+/%^|," or operand[i : i + 2] in ("&&", "==", "!=", "<=", ">=", "||")):
            return True
    return False


def check(paths):
    found = Offences()
    for path in paths:
        for line, what in offences_in(code_only(read(path))):
            found.add(path, line, what)
    return found


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    sys.exit(check(sys.argv[1:]).report())
