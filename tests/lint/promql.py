"""What an expression of PromQL reads: its selectors, as far as the lints need it. promtool checks the syntax."""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\d[\d.eE]*(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)
  | (?P<variable>\$\{?\w+\}?)
  | (?P<name>[a-zA-Z_:][\w:]*)
  | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){}\[\],:@])
""", re.VERBOSE)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
RATES = {"rate", "irate", "increase"}


@dataclass
class Selector:
    name: str
    matchers: list = field(default_factory=list)  # (label, sign, value)
    function: str = ""  # the function that it is the first argument of


@dataclass
class Parsed:
    selectors: list = field(default_factory=list)
    grouped: set = field(default_factory=set)  # labels of by (...), on (...) and their like
    fault: str = ""  # what makes it no expression


def tokens(text):
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError(f"not PromQL at {text[at:at + 20]!r}")
        at = match.end()
        if match.lastgroup != "space":
            yield match.lastgroup, match[0]


def parse(text):
    """Parsed, of an expression of Prometheus or of a dashboard with Grafana's variables."""
    parsed = Parsed()
    try:
        found = list(tokens(text)) + [("end", "")]
    except ValueError as error:
        parsed.fault = str(error)
        return parsed
    open_brackets, at = [], 0
    while found[at][0] != "end":
        kind, word = found[at]
        after = found[at + 1][1]
        if word in "([":
            before = found[at - 1] if at else ("", "")
            open_brackets.append((word, before[1] if before[0] == "name" else ""))
        elif word in ")]" and kind == "sign":
            if not open_brackets or open_brackets.pop()[0] + word not in ("()", "[]"):
                parsed.fault = "brackets do not match"
                return parsed
        elif kind == "name" and word in GROUPING and after == "(":
            end = at + 2
            while found[end][1] not in (")", ""):
                if found[end][0] == "name":
                    parsed.grouped.add(found[end][1])
                end += 1
            at = end
        elif kind == "name" and word.lower() not in WORDS and word not in GROUPING and after != "(":
            # An aggregation may have its grouping before its brackets: sum by (a) (b).
            if after in GROUPING:
                at += 1
                continue
            selector = Selector(word, function=open_brackets[-1][1] if open_brackets else "")
            parsed.selectors.append(selector)
            if after == "{":
                at += 2
                while found[at][1] != "}":
                    if [each[0] for each in found[at:at + 3]] != ["name", "sign", "string"]:
                        parsed.fault = f"no matcher at {found[at][1]!r}"
                        return parsed
                    selector.matchers.append((found[at][1], found[at + 1][1], found[at + 2][1][1:-1]))
                    at += 3
                    if found[at][1] == ",":
                        at += 1
        at += 1
    if open_brackets:
        parsed.fault = "brackets do not match"
    if not parsed.selectors:
        parsed.fault = parsed.fault or "reads nothing"
    return parsed
