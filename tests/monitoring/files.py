"""The files of packaging/monitoring, and the programs that read them."""

import json
import os
import shutil
import subprocess

import yaml

from pylib.programs import ROOT

FOLDER = os.path.join(ROOT, "packaging", "monitoring")
WHY_NOT = (
    "" if shutil.which("prometheus") and shutil.which("promtool") else "needs Debian's package prometheus"
)


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def rules():
    return yaml.safe_load(read("stsmapd.rules.yml"))


def table():
    """{name: family} of the table of metrics."""
    return {family["name"]: family for family in json.loads(read("metrics.json"))["families"]}


def dashboard_expressions():
    """[(where, expression)], with Grafana's variables in them."""
    dashboard = json.loads(read("stsmapd-dashboard.json"))
    return [
        (panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", ())
    ] + [(each["name"], each["expr"]) for each in dashboard["annotations"]["list"]]


def promtool(*arguments, stdin=""):
    """(exit status, output)"""
    done = subprocess.run(
        ["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr
