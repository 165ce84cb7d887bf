"""The metrics of a daemon, as its control socket shows them."""

import re

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z]+)="([^"]*)",?')


class Metrics:
    """A scrape: metrics.value("stsmapd_queries_total", answer="secure", source="memory"), metrics.sum(name)."""

    def __init__(self, text):
        self.samples = {}  # (name, sorted labels) -> number
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, number = SAMPLE.match(line).groups()
            self.samples[name, tuple(sorted(LABEL.findall(labels or "")))] = float(number)

    def value(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def sum(self, name, **labels):
        """Of all series with these labels."""
        wanted = set(labels.items())
        found = [number for (each, has), number in self.samples.items() if each == name and wanted <= set(has)]
        assert found, name
        return sum(found)


def scrape(control):
    """Of a pylib.control.Control."""
    return Metrics(control.text("/metrics"))
