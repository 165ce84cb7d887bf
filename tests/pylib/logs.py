"""Log lines of the daemon, and what the logcheck rules of the package make of them, as logcheck(8) itself would ask:
with grep -E."""

import os
import re
import subprocess

from pylib.programs import ROOT

RULES = os.path.join(ROOT, "packaging", "debian", "stsmapd.logcheck.ignore.server")
PREFIX = "Nov 21 12:00:00 mail stsmapd[123]: "
# A daemon that dies of a bug says so in one of these words.
CRASHES = re.compile(
    r"Sanitizer|runtime error:|terminate called|Assertion .* failed|stack smashing|core dumped"
)


def fields(line):
    """key=value and key="quoted value" pairs of a log line."""
    return {
        key: value.strip('"') for key, value in re.findall(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s,]*)', line)
    }


def reported(lines):
    """The lines that an administrator would be sent, of lines as the daemon hands them to syslog."""
    text = "".join(PREFIX + line + "\n" for line in lines)
    done = subprocess.run(["grep", "-E", "-v", "-f", RULES], input=text, capture_output=True, text=True)
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError("grep and the logcheck rules: " + done.stderr)
    return [line.removeprefix(PREFIX) for line in done.stdout.splitlines()]


def mistakes(log):
    """Of a log with priorities: normal lines that would be reported, and others that would not be. A lookup that
    was answered TEMP is a normal line to the daemon, and worth a look to an administrator. Lines of level debug
    are not checked."""
    lines = re.findall(r"^<([3-6])>([a-z][a-z-]*: .*)$", log, re.M)
    normal = [text for level, text in lines if level == "6" and " answer=temp " not in text]
    others = [text for level, text in lines if level != "6" or " answer=temp " in text]
    wrongly = set(others) - set(reported(others))
    return ["reported: " + text for text in reported(normal)] + ["not reported: " + text for text in wrongly]
