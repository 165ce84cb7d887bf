"""What the lints share: listing files, reading them, code without comments, and collecting offences."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Comments, string and character literals; the first alternative that matches wins.
NOT_CODE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'
    """,
    re.VERBOSE | re.DOTALL,
)


def files(*suffixes, under=("src", "tests")):
    """Files of the project with one of `suffixes`, sorted: those that git knows or would add; without git, all
    files."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard", "--", *under],
            check=True, capture_output=True, text=True).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for top in under for p in (ROOT / top).rglob("*")]
    return sorted(p for p in set(found) if p.is_file() and p.name.endswith(suffixes))


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def code_only(text, keep_strings=False):
    """`text` with comments (and literals) blanked; line numbers stay the same."""
    def blank(match):
        if keep_strings and match[0][0] not in "/":
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])
    return NOT_CODE.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


class Offences:
    def __init__(self):
        self.lines = []

    def add(self, path, line, what):
        path = pathlib.Path(path)
        shown = path.relative_to(ROOT) if path.is_absolute() and path.is_relative_to(ROOT) else path
        self.lines.append(f"{shown}:{line}: {what}")

    def __len__(self):
        return len(self.lines)

    def report(self):
        """Prints all offences; returns the exit status."""
        for text in self.lines:
            print(text)
        return 1 if self.lines else 0
