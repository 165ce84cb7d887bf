"""The folders of src/, each with its job and what it may include: the table that tests/lint/include_direction.py
checks.

A new folder needs a row here and one in src/README.md ("Folders"), nothing else. The table begins with the lowest
layer: a folder includes only folders above its own row, so includes between folders cannot form a circle.
"""
import re
from dataclasses import dataclass, field

ASIO, OPENSSL, LDNS, SQLITE, SPDLOG, SYSTEMD = "Asio", "OpenSSL", "ldns", "SQLite", "spdlog", "libsystemd"
TOML, CLI11, JSON, IDN, EXPECTED, UNORDERED = "toml++", "CLI11", "nlohmann-json", "libidn2", "tl-expected", "Unordered"
PSL, ZLIB, PROMETHEUS, MUSTACHE, HIREDIS = "libpsl", "zlib", "prometheus-cpp", "mustache", "hiredis"
LIBRARIES = {
    ASIO: r"boost/(asio|beast|system)/", OPENSSL: r"openssl/", LDNS: r"ldns/", SQLITE: r"sqlite3\.h$", SPDLOG: r"spdlog/",
    SYSTEMD: r"systemd/", TOML: r"toml\+\+/", CLI11: r"CLI/", JSON: r"nlohmann/", IDN: r"idn2\.h$", EXPECTED: r"tl/expected\.hpp$",
    UNORDERED: r"boost/unordered/", PSL: r"libpsl\.h$", ZLIB: r"zlib\.h$", PROMETHEUS: r"prometheus/",
    MUSTACHE: r"kainjow/", HIREDIS: r"hiredis/",
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
    "events": Folder("sts", ports=("sink", "event", "about*", "history", "tap", "table"), exceptions={
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
        "smtp/probe": ("tls_stream",),  # TLS with limits on all that a stranger sends
        "smtp/client_context": ("openssl",),
        "smtp/dane_chain": ("chain",),
    }),
    "smtp": Folder("base/net dane fetch", (ASIO, OPENSSL)),  # only the tool uses it: the daemon never connects to port 25
    "tlsrpt": Folder(),
    "sqlite": Folder("base/net", (SQLITE,)),
    "cache": Folder("sts dane cache/memory"),
    "cache/memory": Folder("sts dane cache", (UNORDERED,), ports=(), exceptions={
        "cache/table": ("absence_table", "interner", "policy_table"),  # the folder's entry for other folders
    }),
    "cache/disk": Folder("base/net sts dane events sqlite cache", ports=(), exceptions={
        "tool/doctor/probe_state": ("store_check",),  # only reads the daemon's file
    }),
    "cache/valkey": Folder("base/net sts events cache", (ASIO, OPENSSL, JSON), headers={"fetch/openssl.hpp": "limits on what an engine's certificates cost, before any is verified"},
                           ports=("engine",)),
    "state": Folder("base/net sts decision events sqlite", ports=("keeper", "book", "protection", "observed", "rows")),
    "lookup": Folder("sts dns dane decision postfix events fetch cache", (ASIO,)),
    "server": Folder("base/net postfix decision events lookup"),
    "metrics": Folder("sts decision events", headers={
        "cache/valkey/trouble.hpp": "values of labels", "cache/valkey/value.hpp": "values of labels", "lookup/worth.hpp": "values of labels"}),
    "admin": Folder("base/net sts dane decision postfix events cache state lookup server metrics", (ASIO, JSON)),
    "admin/page": Folder("base/net decision cache lookup metrics admin", (JSON,)),
    "config": Folder("base/net sts decision", libraries=(TOML,)),
    "log": Folder("base/net events config", (SPDLOG,)),
    "wiring": Folder("base/net sts dane decision postfix dns fetch cache cache/valkey lookup server config", (ASIO,)),
    "daemon": Folder("base/net sts dane decision postfix events dns fetch sqlite cache cache/disk cache/valkey state lookup server metrics admin admin/page config log "
                     "wiring", (ASIO, OPENSSL, SYSTEMD)),  # of OpenSSL and SQLite only the versions
    "tool/show": Folder(),
    "tool/cli": Folder("tool/show"),
    "tool/setup": Folder("base/net postfix dns tool/cli", (OPENSSL, CLI11)),
    "tool/client": Folder("base/net postfix tool/show tool/cli", (ASIO, CLI11, JSON)),
    "tool/control": Folder("base/net tool/show tool/cli tool/client", (ASIO, CLI11, JSON), ports=("commands", "texts")),
    "tool/doctor": Folder("sts dane postfix events dns fetch cache/disk lookup config wiring tool/cli tool/setup tool/client",
                          (ASIO, OPENSSL, CLI11, JSON), ports=("facts", "ids", "report", "hints", "command_line")),
    "tool/explain": Folder("base/net sts postfix events dns config wiring tool/show tool/cli tool/setup tool/client",
                           (ASIO, CLI11, JSON)),
    "tool/findings": Folder("tool/show", (JSON,)),
    "tool/lint": Folder("sts tlsrpt tool/show tool/cli tool/findings", (CLI11, JSON)),
    "tool/check": Folder("base/net sts tlsrpt dane decision postfix events dns fetch smtp lookup config wiring tool/show tool/cli tool/setup "
                         "tool/client tool/explain tool/findings tool/lint", (ASIO, OPENSSL, CLI11, JSON)),
    "tool/publish": Folder("base/net sts tlsrpt dns config wiring tool/show tool/cli tool/findings tool/lint tool/check", (ASIO, CLI11, JSON)),
    "tool/preview": Folder("base/net sts postfix config wiring tool/show tool/cli tool/client tool/control tool/setup tool/explain tool/findings tool/check",
                           (ASIO, SYSTEMD, CLI11, JSON, ZLIB)),
    "tool": Folder("base/net postfix config wiring tool/show tool/cli tool/setup tool/client tool/control tool/doctor "
                   "tool/explain tool/findings tool/lint tool/check tool/publish tool/preview", (CLI11, JSON)),
    "": Folder("events metrics config daemon tool", (CLI11,)),  # the two programs: src/stsmapd.cpp, src/stsmap.cpp
}

# Pure folders, and pure files of other folders (stems, "x_*"): functions of their arguments. No library that does I/O.
PURE = {"base", "sts", "tlsrpt", "dane", "decision", "postfix", "events", "metrics", "admin/page", "tool/findings"}
PURE_FILES = {"cache/entry", "cache/valkey/address", "cache/valkey/breaker", "cache/valkey/greeting", "cache/valkey/hosts", "cache/valkey/key_ring", "cache/valkey/keys", "cache/valkey/notification", "cache/valkey/value", "cache/valkey/link", "cache/valkey/reply",
              "cache/valkey/resp", "cache/valkey/sentinel", "cache/valkey/trouble", "cache/valkey/write_queue", "lookup/record_outcome", "lookup/steps", "lookup/facts", "admin/evidence", "admin/import_line", "admin/json", "dns/answer", "dns/exchange", "dns/guard",
              "dns/message", "fetch/http_head", "fetch/http_body", "fetch/http_reader", "tool/setup/plan*",
              "tool/doctor/judge_*", "tool/doctor/facts", "tool/doctor/hints", "tool/doctor/ids", "tool/show/safe_text",
              "tool/client/control_text", "tool/explain/evidence", "tool/explain/document", "tool/explain/reader",
              "tool/explain/predict", "tool/explain/judge", "tool/explain/reasons", "tool/explain/print",
              "tool/control/texts", "tool/control/fleet_text", "tool/control/top_screen", "tool/control/warming", "smtp/reply", "smtp/dialogue", "smtp/sighting", "smtp/protocols",
              "smtp/settings", "tool/check/settings", "tool/check/evidence", "tool/check/document*", "tool/check/looked",
              "tool/check/manners", "tool/check/judge*", "tool/check/delivery", "tool/check/mail_host", "tool/check/print",
              "tool/check/explained", "tool/show/page",
              "tool/preview/line", "tool/preview/times", "tool/preview/tally", "tool/preview/names", "tool/preview/reading",
              "tool/preview/verdict", "tool/preview/judged", "tool/preview/result", "tool/preview/print"}
IO = {ASIO, OPENSSL, LDNS, SQLITE, SPDLOG, SYSTEMD}
# Files that use one library more than their folder, each with the reason.
LIBRARY_FILES = {
    "metrics/exposition": (PROMETHEUS,),
    "metrics/catalogue": (JSON,),
    "admin/page/page": (MUSTACHE,),
    "cache/valkey/resp": (HIREDIS,),  # the codec, which does no I/O
    "base/event": (ASIO,),  # wakes a coroutine: the ports' one helper over Asio
    "tool/cli/interrupts": (ASIO,),  # waits for signals
    "tool/check/registrable": (PSL,),
    "base/net/asio_address": (ASIO,),  # converts an address for code that connects with Asio
}

# Composition roots: these files may include all adapters of the folders that their own folder may include.
ROOTS = {"daemon/daemon", "daemon/front", "daemon/measures", "daemon/measures_fleet", "daemon/kept_state", "daemon/start_check", "wiring/settings", "wiring/boost_sources",
         "daemon/fleet", "wiring/fleet_settings", "wiring/secret_file", "tool/tool_commands",
         "tool/doctor/network_probe", "tool/doctor/probe_*", "tool/doctor/finger", "tool/doctor/https_date",
         "tool/explain/live_look", "tool/check/run", "tool/check/policy_host", "tool/check/host_tls"}


def folder_of(path):
    """The folder of a place: "tool/doctor" of "tool/doctor/ids.cpp", "" of a program's own file."""
    return path.rpartition("/")[0]


def library_of(header):
    """The library a <header> belongs to; "" for headers of the compiler and the system, None for unknown ones."""
    for name, pattern in LIBRARIES.items():
        if re.match(pattern, header):
            return name
    return "" if SYSTEM.match(header) else None
