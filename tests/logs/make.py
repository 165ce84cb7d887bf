#!/usr/bin/env python3
"""Makes a mail log with a real Postfix in the world of tests/world: the corpora postfix-VERSION.log beside this file.

    cd tests && python3 world/namespace.py python3 logs/make.py OUT        # as root; the system's own Postfix
    STSMAPD_E2E_ROOT=/var/cache/stsmapd-tests/trixie-postfix-... (the same)  # that of Debian 13, see e2e/debian13.py

Mail to domains of all kinds, over services of several names; a message with many recipients; bounces; a local mailbox,
a filter that is not there, an address literal, local parts with the text of a log line in them; deferred mail tried
again until the queue manager puts it off; messages that are removed. The daemon enforces.
"""
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from pylib.waiting import wait_for  # noqa: E402
from world import world as world_module  # noqa: E402
from world.domains import Domain, RIGHT, policy  # noqa: E402

ROOT = os.environ.get("STSMAPD_E2E_ROOT", "")

MASTER_CF = """quiet unix - - y - - smtp -o syslog_name=postfix-out -o smtp_tls_loglevel=0
  -o smtp_tls_policy_maps=
relayed unix - - y - - smtp -o syslog_name=postfix/relay -o smtp_tls_policy_maps=
filter unix - - y - - smtp -o smtp_tls_policy_maps= -o smtp_tls_security_level=none
local unix - n n - - local
pipe unix - n n - - pipe flags=R user=nobody argv=/bin/true
"""
MAIN_CF = {
    "transport_maps": "inline:{ {quiet.example = quiet:} {filtered.example = filter:[127.0.0.1]:10024}"
                      " {relayed.example = relayed:[mx.good.example]} {piped.example = pipe:} {gone.example = error:no mail here} }",
    "smtp_tls_loglevel": "1",
    "minimal_backoff_time": "300s",
    "smtp_destination_concurrency_failed_cohort_limit": "1",
}
MORE = [
    Domain("quiet.example", txt=None, policy_host=False, mx={"mx.quiet.example": RIGHT}),
    Domain("reported.example", policy("enforce", ["mx.reported.example"]), mx={"mx.reported.example": RIGHT},
           records=('_smtp._tls.reported TXT "v=TLSRPTv1; rua=mailto:r@reported.example"',)),
]
SINGLE = ["good", "wildcard", "second", "signed", "testing", "wrongname", "untrusted", "expired", "nostarttls", "mismatch", "norecord",
          "nofile", "nohost", "quiet", "filtered", "relayed", "piped", "gone", "missing", "reported"]
WORDS = ['user@{}.example', '"a, relay=evil.example[192.0.2.66]:25, dsn=2.0.0, status=sent (x)"@{}.example', "USER@{}.Example"]


def main():
    out = sys.argv[1]
    reason = world_module.why_not()
    if reason:
        sys.exit(reason)
    main_cf = dict(MAIN_CF)
    with world_module.World(True, ROOT, {}, main_cf, MASTER_CF, MORE) as world:
        sender = world.sender
        if world.postfix_at_least(3, 10):
            sender.set(smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="none-here")
            sender.reload()
        world.daemon.start()

        def send(recipients):
            with sender.client() as client:
                client.ehlo()
                client.mail("unix@sender.example")
                taken = [one for one in recipients if client.rcpt(one)[0] == 250]
                if taken:
                    client.data(b"Subject: test\r\n\r\ntest\r\n")
                else:
                    print("refused:", recipients)

        for number, label in enumerate(SINGLE):
            send([WORDS[number % 3].format(label)])
        send([f"{user}@{label}.example" for label in SINGLE[:8] for user in ("one", "two")])
        send(["user@[192.0.2.25]", "user@good.example"])
        send(["only@xn--bcher-kva.example"])
        count = len(SINGLE) + 3

        def outcomes():
            return sum(" status=" in line for line in sender.log()) >= count

        wait_for(outcomes, "outcomes", 120)
        time.sleep(3)
        # Some more to a destination that is known to be bad: the queue manager puts them off by itself.
        for _ in range(3):
            send(["again@nostarttls.example", "again@wrongname.example"])
        time.sleep(3)
        sender.command("postqueue", "-c", sender.config, "-f")
        time.sleep(4)
        waiting = sender.command("postqueue", "-c", sender.config, "-j").splitlines()
        sender.stop()
        sender.start()
        send(["after@good.example"])
        time.sleep(2)
        subprocess.run([*sender.prefix, "postsuper", "-c", sender.config, "-d", "ALL"], check=False,
                       stdin=subprocess.DEVNULL, capture_output=True)
        time.sleep(1)
        shutil.copy(sender.maillog, out)
        print(f"Postfix {sender.version}: {len(sender.log())} lines, {len(waiting)} messages were waiting")


if __name__ == "__main__":
    main()
