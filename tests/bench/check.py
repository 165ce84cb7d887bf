#!/usr/bin/env python3
"""`stsmap check` of many domains, each with a policy host and a mail server of an operator of its own: how long, and how
much memory.

    check.py [--domains N] [--rate N] [--json FILE]

Everything is on loopback: a name server, policy hosts behind a proxy, and mail servers at 127.0.0.0/8, all of Python in
a process of their own, which are slower than stsmap. Any user may run it; postconf(1) is needed. --rate: connections to
mail servers a minute, in all; by default as many as may be, for the 60 of a real run would be the whole time.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from blackbox.dns_server import DnsServer  # noqa: E402  (the path comes first)
from blackbox.policy_host import PolicyHosts  # noqa: E402
from pylib.dns_message import encode_name  # noqa: E402
from pylib.mail_server import MailServers  # noqa: E402
from pylib.programs import program, raise_file_limit, without_options  # noqa: E402

NAMES_A_CERTIFICATE = 40


def contexts(authority, names):
    """A context for each name; neighbours share a certificate."""
    made = {}
    for first in range(0, len(names), NAMES_A_CERTIFICATE):
        some = names[first : first + NAMES_A_CERTIFICATE]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.leaf(some, "many"))
        made.update(dict.fromkeys(some, context))
    return made


class AllMailServers(MailServers):
    """One for all addresses, with the certificate of the name that is asked for."""

    def serve(self, certificates, key_of):
        chain, key = key_of
        self.add("0.0.0.0", chain, key)

        def choose(tls, name, _):
            if name in certificates:
                tls.context = certificates[name]

        self._contexts["0.0.0.0"].sni_callback = choose


def serve(folder, count, told):
    """The world, in a process of its own, until that is ended."""
    raise_file_limit()
    dns, hosts, mail = DnsServer(), PolicyHosts(folder), AllMailServers()
    domains = [f"d{i}.test" for i in range(count)]
    policy = contexts(hosts.authority, ["mta-sts." + domain for domain in domains])
    servers = contexts(hosts.authority, [f"mx.o{i}.test" for i in range(count)])
    mail.serve(servers, hosts.authority.leaf("other.test"))
    for i, domain in enumerate(domains):
        body = f"version: STSv1\r\nmode: enforce\r\nmx: mx.o{i}.test\r\nmax_age: 604800\r\n"
        hosts.add(domain, body, context=policy["mta-sts." + domain])
        dns.add("_mta-sts." + domain, "TXT", "v=STSv1; id=1;")
        dns.add("mta-sts." + domain, "A", "127.0.0.1")
        dns.add_rdata(domain, "MX", [b"\0\12" + encode_name(f"mx.o{i}.test")])
        dns.add(f"mx.o{i}.test", "A", f"127.{1 + i // 250}.{i % 250}.1")
    told.put((dns.port, hosts.port, mail.port, hosts.authority.root))
    told.close()
    while True:
        time.sleep(3600)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def settings(folder, dns, proxy, mail, root):
    """The command's options that lead to the world."""
    config = os.path.join(folder, "stsmapd.toml")
    write(
        config,
        f'[dns]\nservers = ["127.0.0.1:{dns}"]\n[fetch]\nca_file = "{root}"\nproxy = "http://127.0.0.1:{proxy}"\n',
    )
    postfix = os.path.join(folder, "postfix")
    os.mkdir(postfix)
    write(
        os.path.join(postfix, "main.cf"),
        "compatibility_level = 3.6\nmail_owner = postfix\nmyhostname = me.example\ninet_protocols = ipv4\n"
        f"smtp_tcp_port = {mail}\nsmtp_tls_CAfile = {root}\n",
    )
    write(os.path.join(postfix, "master.cf"), "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n")
    return ["--config", config, "check", "-c", postfix, "--json"]


def measure(options, domains, *more):
    """One run: seconds, octets of memory at most, processor seconds, and what came of the domains."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [program("stsmap"), *options, *more, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=without_options(),
        text=True,
    )
    process.stdin.write("\n".join(domains))
    process.stdin.close()
    verdicts, octets = {}, 0
    for line in process.stdout:
        octets += len(line)
        outcome = json.loads(line)["verdict"]["outcome"]
        verdicts[outcome] = verdicts.get(outcome, 0) + 1
    _, _, used = os.wait4(process.pid, 0)
    took = time.monotonic() - begun
    return {
        "seconds": round(took, 2),
        "domains_a_second": round(len(domains) / took, 1),
        "memory_mib": round(used.ru_maxrss / 1024, 1),
        "processor_s": round(used.ru_utime + used.ru_stime, 2),
        "output_mib": round(octets / 2**20, 2),
        "outcomes": verdicts,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if not program("stsmap") or not shutil.which("postconf"):
        sys.exit("needs stsmap (build it first) and postconf")
    folder = tempfile.mkdtemp(prefix="stsmap-bench-")
    told = multiprocessing.Queue()
    world = multiprocessing.Process(target=serve, args=(folder, arguments.domains, told), daemon=True)
    world.start()
    try:
        options = settings(folder, *told.get(timeout=600))
        domains = [f"d{i}.test" for i in range(arguments.domains)]
        figures = {"domains": arguments.domains, "machine": socket.gethostname()}
        for name, more in (("no_smtp", ["--no-smtp"]), ("smtp", ["--rate", str(arguments.rate)])):
            figures[name] = measure(options, domains, *more)
            print(name, json.dumps(figures[name]), flush=True)
    finally:
        world.terminate()
        world.join()
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        write(arguments.json, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
