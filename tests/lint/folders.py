"""The folders of src/, each with its job and what it may include: the table that tests/lint/include_direction.py
checks.

A new folder needs a row here and one in src/README.md ("Folders"), nothing else. The table begins with the lowest
layer: a folder includes only folders above its own row, so includes between folders cannot form a circle.
"""
import re
from dataclasses import dataclass, field

ASIO, OPENSSL, LDNS, SQLITE, SPDLOG, SYSTEMD = "Asio", "OpenSSL", "ldns", "SQLite", "spdlog", "libsystemd"
TOML, CLI11, JSON, IDN, EXPECTED, UNORDERED = "toml++", "CLI11", "nlohmann-json", "libidn2", "tl-expected", "Unordered"
LIBRARIES = {
    ASIO: r"boost/(asio|beast|system)/", OPENSSL: r"openssl/", LDNS: r"ldns/", SQLITE: r"sqlite3\.h$", SPDLOG: r"spdlog/",
    SYSTEMD: r"systemd/", TOML: r"toml\+\+/", CLI11: r"CLI/", JSON: r"nlohmann/", IDN: r"idn2\.h$", EXPECTED: r"tl/expected\.hpp$",
    UNORDERED: r"boost/unordered/",
}
# Every other header in a subfolder, or with a dot in its name, must be one of the system's.
SYSTEM = re.compile(r"^(sys|netinet|arpa|net|linux)/|^[a-z_0-9]+\.h$|^[a-z_0-9]+$")


@dataclass
class Folder:
    includes: str = ""  # folders, besides itself and base
    libraries: tuple = ()
    headers: dict = field(default_factory=dict)  # a single header of another folder, pure itself -> why
    # Headers (names or "x_*") for everybody who may include the folder; None: all headers. The others are adapters:
    # only the folder itself and ROOTS include them.
    ports: tuple = None
    exceptions: dict = field(default_factory=dict)  # a single file of another folder -> its adapters of this folder


FOLDERS = {
    "base": Folder(libraries=(IDN, EXPECTED)),
    "base/net": Folder(),
    "sts": Folder(),
    "events": Folder("sts", ports=("sink", "event", "about*"), exceptions={
        "log/log": ("render",),  # the log's own thread makes the lines
        "stsmapd": ("table",),  # prints the manual's list of events
    }),
    "dns": Folder("base/net events", libraries=(ASIO, LDNS), ports=("answer", "resolver", "resolv_conf")),
    "dane": Folder(headers={"dns/answer.hpp": "what a verdict is made of"}),
    "decision": Folder("sts dane", headers={"postfix/next_hop.hpp": "what a question is about"}),
    "postfix": Folder("sts decision"),
    "fetch": Folder("base/net sts events dns", (ASIO, OPENSSL), ports=("fetcher", "address", "http_reader", "request"), exceptions={
        "tool/doctor/https_date": ("dialer", "tls_stream", "certificate"),  # `stsmap doctor` asks a host for its clock
        "daemon/start_check": ("certificate",),  # reads the trust anchors as the fetcher will
        "tool/doctor/probe_state": ("certificate",),
    }),
    "cache": Folder("sts dane cache/memory"),
    "cache/memory": Folder("sts dane cache", (UNORDERED,), ports=(), exceptions={
        "cache/table": ("absence_table", "interner", "policy_table"),  # the folder's entry for other folders
    }),
    "cache/disk": Folder("base/net sts dane events cache", (SQLITE,), ports=(), exceptions={
        "tool/doctor/probe_state": ("store_check",),  # only reads the daemon's file
    }),
    "lookup": Folder("sts dns dane decision postfix events fetch cache", (ASIO,)),
    "server": Folder("base/net postfix decision events lookup"),
    "config": Folder("base/net", libraries=(TOML,)),
    "log": Folder("base/net events config", (SPDLOG,)),
    "wiring": Folder("sts dane postfix dns fetch cache lookup server config", (ASIO,)),
    "daemon": Folder("base/net sts dane decision postfix events dns fetch cache cache/disk lookup server config log wiring",
                     (ASIO, SYSTEMD)),
    "tool/setup": Folder("base/net postfix dns", (OPENSSL,)),
    "tool/client": Folder("base/net postfix", (JSON,)),
    "tool/doctor": Folder("sts dane postfix events dns fetch cache/disk lookup config wiring tool/setup tool/client",
                          (ASIO, OPENSSL, JSON), ports=("facts", "ids", "report", "hints")),
    "tool": Folder("base/net postfix config wiring tool/setup tool/client tool/doctor", (CLI11, JSON)),
    "": Folder("events config daemon tool", (CLI11,)),  # the two programs: src/stsmapd.cpp, src/stsmap.cpp
}

# Pure folders, and pure files of other folders (stems, "x_*"): functions of their arguments. No library that does I/O.
PURE = {"base", "sts", "dane", "decision", "postfix", "events"}
PURE_FILES = {"cache/entry", "lookup/record_outcome", "lookup/steps", "dns/answer", "dns/exchange", "dns/guard",
              "dns/message", "fetch/http_head", "fetch/http_body", "fetch/http_reader", "tool/setup/plan*",
              "tool/doctor/judge_*", "tool/doctor/facts", "tool/doctor/hints", "tool/doctor/ids"}
IO = {ASIO, OPENSSL, LDNS, SQLITE, SPDLOG, SYSTEMD}
# Files that use one library more than their folder, each with the reason.
LIBRARY_FILES = {
    "base/event": (ASIO,),  # wakes a coroutine: the ports' one helper over Asio
    "base/net/asio_address": (ASIO,),  # converts an address for code that connects with Asio
}

# Composition roots: these files may include all adapters of the folders that their own folder may include.
ROOTS = {"daemon/daemon", "daemon/start_check", "wiring/settings", "wiring/boost_sources", "tool/tool_commands",
         "tool/doctor/network_probe", "tool/doctor/probe_*", "tool/doctor/finger", "tool/doctor/https_date"}


def folder_of(path):
    """The folder of a place: "tool/doctor" of "tool/doctor/ids.cpp", "" of a program's own file."""
    return path.rpartition("/")[0]


def library_of(header):
    """The library a <header> belongs to; "" for headers of the compiler and the system, None for unknown ones."""
    for name, pattern in LIBRARIES.items():
        if re.match(pattern, header):
            return name
    return "" if SYSTEM.match(header) else None
