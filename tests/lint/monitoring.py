#!/usr/bin/env python3
"""Alerts, dashboard and scrape configuration (packaging/monitoring/) agree with the table of metrics
(packaging/monitoring/metrics.json, which a unit test compares with the program's) and with the manual.

Every expression reads metrics, labels and values that exist; only counters are rated, and counters are only rated. Every
alert has a severity, words, a test that it fires and one that it does not, and its entry in stsmapd(8), ALERTS. The
dashboard's panels have ids of their own, do not overlap, and use its variables. Every metric is on the dashboard, in an
alert, or named here.

usage: monitoring.py        prints every offence; exit 1 when there is one
"""
import json
import re
import sys

import yaml

import promql
from sources import ROOT, Offences, read

FOLDER = ROOT / "packaging" / "monitoring"
CONTAINER = ROOT / "packaging" / "container"
# Metrics of others, each with its labels: of Prometheus itself, and of node_exporter.
FOREIGN = {"up": set(), "ALERTS": {"alertname", "alertstate"}, "node_textfile_mtime_seconds": {"file"}}
TARGET = {"job", "instance"}  # Prometheus gives these to all series
SEVERITIES = {"critical", "warning", "info"}
WORDS = {"summary", "description", "runbook"}
# In no panel and no alert, each with its reason.
NOT_SHOWN = {
    "stsmapd_requests_total": "the sum of what the panels show",
    "stsmapd_status_queries_total": "questions of health checks",
    "stsmapd_config_reloads_total": "among the events",
    "stsmapd_policies_counted_timestamp_seconds": "for those who doubt the count",
    "process_virtual_memory_bytes": "says little",
}


class Table:
    """The table of metrics: for each series its type and its labels' values."""

    def __init__(self, document):
        self.families = {family["name"]: family for family in document["families"]}
        self.series = {}
        for family in self.families.values():
            labels = {label["name"]: label["values"] for label in family["labels"]}
            if family["type"] != "histogram":
                self.series[family["name"]] = (family["type"], labels, family["name"])
                continue
            for suffix, more in (("_bucket", {"le": None}), ("_sum", {}), ("_count", {})):
                self.series[family["name"] + suffix] = ("counter", {**labels, **more}, family["name"])


def faults(expression, table, read_of=None):
    """What is wrong with an expression. `read_of`: a set that gets the families that it reads."""
    parsed = promql.parse(expression)
    if parsed.fault:
        return [parsed.fault]
    out, known = [], set(TARGET)
    for selector in parsed.selectors:
        name = selector.name
        if name in FOREIGN:
            known |= FOREIGN[name]
            out += [f"{name} has no label {label}" for label, _, _ in selector.matchers
                    if label not in FOREIGN[name] | TARGET]
            continue
        if name not in table.series:
            out.append(f"no metric {name}")
            continue
        kind, labels, family = table.series[name]
        known |= set(labels)
        if read_of is not None:
            read_of.add(family)
        if (selector.function in promql.RATES) != (kind == "counter"):
            out.append(f"{name} is a {kind}, and is {'' if selector.function in promql.RATES else 'not '}rated")
        for label, sign, value in selector.matchers:
            if label in TARGET:
                continue
            if label not in labels:
                out.append(f"{name} has no label {label}")
            elif labels[label] is not None:
                out += [f"{name} has no {label} {one}" for one in without_match(labels[label], sign, value)]
    out += [f"nothing here has the label {label}" for label in sorted(parsed.grouped - known)]
    return out


def without_match(values, sign, wanted):
    """The alternatives of a matcher that no value fits."""
    if wanted == "":
        return []
    if sign in ("=", "!="):
        return [] if wanted in values else [wanted]
    return [one for one in wanted.split("|") if not any(re.fullmatch(one, value) for value in values)]


def check_rules(document, table, read_of):
    """Offences of the rules."""
    found = []
    names = set()
    for group in document["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert", "")
            found += [f"{name}: {fault}" for fault in faults(rule["expr"], table, read_of)]
            if not re.fullmatch(r"Stsmapd([A-Z][a-z]+)+", name) or name in names:
                found.append(f"{name}: not a name like StsmapdDown, or there twice")
            names.add(name)
            if rule.get("labels", {}).keys() != {"severity"} or rule["labels"]["severity"] not in SEVERITIES:
                found.append(f"{name}: no severity, or other labels")
            words = rule.get("annotations", {})
            if words.keys() != WORDS or not all(words.values()):
                found.append(f"{name}: the annotations are {', '.join(sorted(WORDS))}")
            elif words["runbook"] != f"stsmapd(8), ALERTS, {name}":
                found.append(f"{name}: another runbook")
            elif "{{ $labels.instance }}" not in words["summary"]:
                found.append(f"{name}: which host?")
    return found


def check_manual(document, manual):
    """The alerts, with their severities, are the entries of ALERTS, in the same order."""
    part = re.search(r"^\.Sh ALERTS\n(.*?)^\.Sh ", manual, re.M | re.S)
    entries = re.findall(r"^\.It Ic (\w+)\n\((\w+)\)$", part[1], re.M) if part else []
    rules = [(rule["alert"], rule["labels"]["severity"]) for group in document["groups"] for rule in group["rules"]]
    return [] if entries == rules else [f"ALERTS in the manual is {entries}, the rules are {rules}"]


def check_rule_tests(document, tests):
    """Each alert is seen to fire, and not to fire."""
    seen = {}
    for test in tests["tests"]:
        for each in test["alert_rule_test"]:
            seen.setdefault(each["alertname"], set()).add(bool(each["exp_alerts"]))
    alerts = {rule["alert"] for group in document["groups"] for rule in group["rules"]}
    return [f"{name}: no test that it {'fires' if fires else 'does not fire'}" for name in sorted(alerts)
            for fires in (True, False) if fires not in seen.get(name, ())] + \
           [f"{name}: tested, but no alert" for name in sorted(seen.keys() - alerts)]


def expressions(dashboard):
    """[(where, expression)] of a dashboard."""
    out = [(f"panel {panel['title']!r}", target["expr"]) for panel in dashboard["panels"]
           for target in panel.get("targets", ())]
    return out + [(f"annotation {each['name']!r}", each["expr"]) for each in dashboard["annotations"]["list"]]


def check_dashboard(dashboard, table, read_of):
    found = []
    if not 36 <= dashboard["schemaVersion"] <= 41 or dashboard.get("id") is not None or not dashboard["uid"]:
        found.append("not a dashboard that Grafana 9 to 12 imports")
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    if list(variables) != ["datasource", "job", "instance"] or variables["datasource"]["type"] != "datasource":
        found.append("the variables are datasource, job and instance")
    source = {"type": "prometheus", "uid": "${datasource}"}
    for name in ("job", "instance"):
        query = re.fullmatch(r"label_values\((.*), (\w+)\)", variables[name]["definition"])
        if not query or query[2] != name or variables[name]["query"]["query"] != query[0]:
            found.append(f"variable {name}: not its values")
        else:
            found += [f"variable {name}: {fault}" for fault in faults(query[1], table)]
        if variables[name]["datasource"] != source:
            found.append(f"variable {name}: another data source")
    if any(each["datasource"] != source for each in dashboard["annotations"]["list"]):
        found.append("annotations: another data source")
    ids, places, titles = set(), {}, set()
    for panel in dashboard["panels"]:
        title, box = panel["title"], panel["gridPos"]
        if panel["id"] in ids or title in titles or not title:
            found.append(f"{title!r}: its id or its title is there twice")
        ids.add(panel["id"])
        titles.add(title)
        if box["x"] < 0 or box["w"] < 1 or box["h"] < 1 or box["x"] + box["w"] > 24:
            found.append(f"{title!r}: outside")
        for x in range(box["x"], box["x"] + box["w"]):
            for y in range(box["y"], box["y"] + box["h"]):
                if (x, y) in places:
                    found.append(f"{title!r} lies over {places[x, y]!r}")
                    break
                places[x, y] = title
        if panel["type"] == "row":
            continue
        if not panel.get("description", "").endswith("."):
            found.append(f"{title!r}: no description")
        targets = panel["targets"]
        if panel["datasource"] != source or any(target["datasource"] != source for target in targets):
            found.append(f"{title!r}: another data source")
        if not targets or len({target["refId"] for target in targets}) != len(targets):
            found.append(f"{title!r}: no targets, or two of one name")
        for target in targets:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            for label in labels - promql.parse(target["expr"]).grouped - {"instance"}:
                found.append(f"{title!r}: the legend's {label} is not in the expression")
    rows = {y for _, y in places}
    if rows != set(range(max(rows) + 1)):
        found.append("a gap between panels")
    for where, expression in expressions(dashboard):
        found += [f"{where}: {fault}" for fault in faults(expression, table, read_of)]
        for selector in promql.parse(expression).selectors:
            matched = {label: value for label, _, value in selector.matchers}
            wanted = {"instance"} if selector.name == "ALERTS" else TARGET
            if any(matched.get(label) != f"${label}" for label in wanted):
                found.append(f"{where}: {selector.name} of all jobs or instances")
        for variable in re.findall(r"\$\{?(\w+)", expression):
            if variable not in variables and variable not in ("__rate_interval", "__range", "__interval"):
                found.append(f"{where}: no variable {variable}")
    return found


def check_all_shown(table, read_of):
    return [f"{name} is in no panel and no alert" for name in table.families
            if name not in read_of and name not in NOT_SHOWN] + \
           [f"{name} is shown, or does not exist: it needs no reason" for name in NOT_SHOWN
            if name in read_of or name not in table.families]


def check_scrape(scrape, rules):
    """The configuration has the job that the rules name."""
    found = []
    jobs = {job["job_name"]: job for job in scrape["scrape_configs"]}
    named = {value for group in rules["groups"] for rule in group["rules"]
             for selector in promql.parse(rule["expr"]).selectors if selector.name == "up"
             for label, _, value in selector.matchers if label == "job"}
    if named != {"stsmapd"} or "stsmapd" not in jobs:
        found.append("the rules and the scrape configuration have one job, stsmapd")
    return found


def check_compose(compose, base, folder, exists, added=("prometheus", "grafana")):
    """The files that it mounts exist; what it adds to are services of the other compose file; ports are on loopback."""
    found = []
    if set(compose["services"]) - set(base["services"]) != set(added):
        found.append(f"the services are those of packaging/container and {', '.join(added)}")
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith(".") and not exists(folder / source):
                found.append(f"{name}: {source} is not there")
            if not source.startswith(".") and source not in compose["volumes"]:
                found.append(f"{name}: no volume {source}")
        found += [f"{name}: port {port} is open to all" for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
        if not re.search(r":v?\d+\.\d+\.\d+$", service.get("image", ":1.1.1")):
            found.append(f"{name}: no version of the image")
    return found


def check_fleet(fleet, base, example):
    """Two daemons with one engine and one key, names of their own, and options that there are; nobody else reaches the engine."""
    found = []
    options = set(re.findall(r"^#(\w+) = ", example[example.find("\n[shared]\n"):], re.M))
    first, second, engine = (fleet["services"][name] for name in ("stsmapd", "second", "engine"))
    shared = []
    for name, service in (("stsmapd", first), ("second", second)):
        settings = {key.removeprefix("STSMAPD_SHARED_").lower(): value for key, value in service["environment"].items()
                    if key.startswith("STSMAPD_SHARED_")}
        found += [f"{name}: no option shared.{key}" for key in settings if key not in options]
        shared.append(settings)
        where = re.fullmatch(r"tcp:(\w+):6379", settings.get("engine", ""))
        if not where or where[1] not in fleet["services"]:
            found.append(f"{name}: its engine is no service here")
        folder = settings.get("key_file", "").rpartition("/")[0]
        if f"keys:{folder}:ro" not in service["volumes"]:
            found.append(f"{name}: the folder of its key file is not mounted")
        if set(service["networks"]) != {"mail", "fleet"}:
            found.append(f"{name}: not in both networks")
    if shared[0].pop("host", "") == shared[1].pop("host", ""):
        found.append("the daemons have one name")
    if shared[0] != shared[1]:
        found.append("the daemons have different settings")
    others = {key: value for key, value in second["environment"].items() if not key.startswith("STSMAPD_SHARED_")}
    if others != base["services"]["stsmapd"]["environment"]:
        found.append("second: other settings than those of the first")
    if engine["networks"] != ["fleet"] or not fleet["networks"]["fleet"]["internal"] or "ports" in engine:
        found.append("engine: others can reach it")
    return found


def check_ports(texts):
    """One port of the web listener everywhere."""
    found = []
    for path, text in texts.items():
        hosts = r"\b127\.0\.0\.1:|\bstsmapd:|\[::1\]:|\blocalhost:|\btcp::?|\bport "
        ports = set(re.findall(rf"(?:{hosts})(9\d{{3}})\b", text)) - {"9090", "9093", "9100"}
        found += [f"{path}: port {port} of the web listener, which is 9461" for port in ports - {"9461"}]
        if path in WITH_PORT and "9461" not in ports:
            found.append(f"{path}: no longer names the port of the web listener")
    return found


# The files that are compared, from packaging/monitoring, by the names of which check() speaks.
FILES = ("metrics.json", "stsmapd.rules.yml", "stsmapd.rules.test.yml", "stsmapd-dashboard.json", "prometheus.yml",
         "README.md", "compose.yaml", "compose/prometheus.yml", "../container/compose.yaml", "../container/fleet.yaml", "../../man/stsmapd.8")
# Others that name the port of the web listener.
WITH_PORT = ("../systemd/stsmapd-web.socket", "../systemd/stsmapd.service", "../debian/stsmapd.README.Debian",
             "../../packaging/container/README.md", "../../conf/stsmapd.toml", "../../README.md",
             "../../src/tool/doctor/judge_daemon.cpp", "../../src/config/options.cpp")


def check(texts):
    """Offences of {file: text}."""
    table = Table(json.loads(texts["metrics.json"]))
    rules = yaml.safe_load(texts["stsmapd.rules.yml"])
    tests = yaml.safe_load(texts["stsmapd.rules.test.yml"])
    dashboard = json.loads(texts["stsmapd-dashboard.json"])
    compose = yaml.safe_load(texts["compose.yaml"])
    base = yaml.safe_load(texts["../container/compose.yaml"])
    fleet = yaml.safe_load(texts["../container/fleet.yaml"])
    read_of = set()
    found = {
        "stsmapd.rules.yml": check_rules(rules, table, read_of) + check_manual(rules, texts["../../man/stsmapd.8"]),
        "stsmapd.rules.test.yml": check_rule_tests(rules, tests),
        "stsmapd-dashboard.json": check_dashboard(dashboard, table, read_of) + check_all_shown(table, read_of),
        "prometheus.yml": check_scrape(yaml.safe_load(texts["prometheus.yml"]), rules),
        "compose.yaml": check_compose(compose, base, CONTAINER, lambda path: path.exists()),
        "../container/fleet.yaml": check_compose(fleet, base, CONTAINER, lambda path: path.exists(), ("second", "engine", "keys")) +
                                   check_fleet(fleet, base, texts["../../conf/stsmapd.toml"]),
        "compose/prometheus.yml": check_scrape(yaml.safe_load(texts["compose/prometheus.yml"]), rules),
        "README.md": check_ports(texts),
    }
    offences = Offences()
    for name, lines in found.items():
        for line in lines:
            offences.add(FOLDER / name, 1, line)
    return offences


def of_the_project():
    return {name: read(FOLDER / name) for name in FILES + WITH_PORT}


if __name__ == "__main__":
    sys.exit(check(of_the_project()).report())
