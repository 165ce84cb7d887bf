"""The world's two Postfix instances: one receives on port 25 of several addresses, the other one sends."""
import itertools
import os
import re
import shutil
import smtplib
import subprocess
from email.message import EmailMessage

from pylib.process import run, tail
from pylib.waiting import wait_for

COMMON = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = {meta}
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
inet_protocols = all
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8, 192.0.2.0/24, [::1]/128, [2001:db8::]/32
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
enable_long_queue_ids = yes
biff = no
"""

SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance in a folder of its own. `root`: the root folder of another system in which it runs; `folder` must be
    mounted there under the same path."""

    def __init__(self, folder, settings, services, root=""):
        self.folder = folder
        self.config = os.path.join(folder, "etc")
        self.maillog = os.path.join(folder, "maillog")
        self.prefix = ["chroot", root] if root else []
        for name in ("etc", "queue", "data"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        self.command("chown", "postfix", os.path.join(folder, "data"))
        open(self.maillog, "w", encoding="ascii").close()
        self.main_cf = os.path.join(self.config, "main.cf")
        self.master_cf = os.path.join(self.config, "master.cf")
        with open(self.main_cf, "w", encoding="utf-8") as file:
            file.write(COMMON.format(folder=folder, meta="/etc/postfix"))
            file.write("".join(f"{key} = {value}\n" for key, value in settings.items()))
        with open(self.master_cf, "w", encoding="utf-8") as file:
            file.write(SERVICES + services)

    def command(self, *words, **options):
        return run(*self.prefix, *words, **options)

    def start(self):
        self.command("postfix", "-c", self.config, "start", stdin=subprocess.DEVNULL)
        wait_for(lambda: any("daemon started" in line for line in self.log()), f"the start of {self.config}")

    def stop(self):
        subprocess.run(
            [*self.prefix, "postfix", "-c", self.config, "stop"], capture_output=True, timeout=60, check=False
        )

    def reload(self):
        """Makes each smtp(8) read resolv.conf and main.cf again."""
        self.age()
        self.command("postfix", "-c", self.config, "reload", stdin=subprocess.DEVNULL)

    def postconf(self, *words):
        """Runs postconf(1) for this instance; returns its output."""
        self.age()
        return self.command("postconf", "-c", self.config, *words)

    def set(self, **settings):
        """Sets parameters in main.cf."""
        self.postconf("-e", *(f"{name} = {value}" for name, value in settings.items()))

    def value(self, name):
        """A setting's value, as main.cf has it."""
        return self.postconf("-h", name).strip()

    def age(self):
        """Makes the files look old, because every Postfix program waits when main.cf was changed within the last
        seconds. For use after a change by the test itself; never between a change by stsmap and the check of its
        result."""
        for path in (self.main_cf, self.master_cf):
            if os.path.exists(path):
                os.utime(path, (0, 0))

    def log(self):
        with open(self.maillog, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def outcome(self, queue_id, seconds=60.0):
        """Waits for the first status line of a queued message."""
        status = re.compile(rf"\[(\d+)\]: {queue_id}: to=<.* status=")
        line = wait_for(
            lambda: next((text for text in self.log() if status.search(text)), None),
            f"an outcome of {queue_id}\n{tail(self.maillog)}",
            seconds,
        )
        pid = status.search(line).group(1)
        before = []
        for text in self.log():
            if text == line:
                break
            if f"[{pid}]: " in text:
                before = [] if "status=" in text else [*before, text]
        return Delivery(line, before)


class Receiver(Postfix):
    """Accepts mail for everybody and discards it, at each of the `ports`. `hosts`: (address, certificate or
    None for no STARTTLS)."""

    def __init__(self, folder, hosts, ports=(25,)):
        services = ""
        for (address, certificate), port in itertools.product(hosts, ports):
            where = f"[{address}]" if ":" in address else address
            services += f"{where}:{port} inet n - n - - smtpd\n"
            if certificate:
                chain, key = certificate
                services += f"  -o smtpd_tls_security_level=may -o smtpd_tls_chain_files={key},{chain}\n"
        super().__init__(
            folder,
            {
                "myhostname": "receiver.example",
                "inet_interfaces": "127.0.0.1",
                "default_transport": "discard:",
                "relay_transport": "discard:",
                "smtpd_tls_loglevel": "1",
                "smtputf8_enable": "yes",
            },
            services,
        )


class Delivery:
    """What happened to one message to one recipient."""

    def __init__(self, line, tls):
        self.line = line
        self.tls = tls  # earlier log lines of the same smtp(8) process about TLS
        self.status = re.search(r"status=(\w+)", line).group(1)
        self.dsn = re.search(r"dsn=([\d.]+)", line).group(1)

    def __str__(self):
        return "\n".join([*self.tls, self.line])


class Sender(Postfix):
    """Sends with smtp(8), chrooted as in Debian, and the policy map in all three forms that an administrator may
    choose: deliver(via="unix" | "unchrooted" | "tcp"). `map_name`: sts or sts-tlsrpt. `settings`: more lines of
    main.cf, `services` of master.cf."""

    WAYS = {"unix": "smtp", "unchrooted": "smtpfree", "tcp": "smtptcp"}

    def __init__(self, folder, trust, map_name, root="", settings=None, services=""):
        self.map_name = map_name
        self.maps = relative = f"socketmap:unix:stsmapd/socketmap:{map_name}"
        tcp = f"socketmap:inet:127.0.0.1:8461:{map_name}"
        by_sender = ", ".join(f"{{ {way}@sender.example = {name}: }}" for way, name in self.WAYS.items())
        super().__init__(
            folder,
            {
                "myhostname": "sender.example",
                "inet_interfaces": "127.0.0.1",
                "smtp_tls_policy_maps": relative,
                "smtp_tls_security_level": "may",
                "smtp_tls_CAfile": trust,
                "smtp_tls_loglevel": "1",
                "smtp_tls_session_cache_database": "",
                "smtp_connect_timeout": "10s",
                "sender_dependent_default_transport_maps": f"inline:{{ {by_sender} }}",
                **(settings or {}),
            },
            "127.0.0.1:25 inet n - n - - smtpd\nsmtp unix - - y - - smtp\nrelay unix - - y - - smtp\n"
            "smtpfree unix - - n - - smtp\n"
            f"smtptcp unix - - y - - smtp -o smtp_tls_policy_maps={tcp}\n" + services,
            root,
        )
        self.socket = os.path.join(folder, "queue/stsmapd/socketmap")
        os.makedirs(os.path.dirname(self.socket))
        # Debian's own instance copies these into the chroot of smtp(8).
        os.makedirs(os.path.join(folder, "queue/etc"))
        for name in ("resolv.conf", "services", "hosts", "nsswitch.conf"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copyfile(f"/etc/{name}", f"{folder}/queue/etc/{name}")
        self.version = self.command("postconf", "-h", "mail_version").strip()
        self.foresee = None  # called with (recipient, via) before each deliver(); what it returns, with the outcome

    def postmap(self, key, map_name=None, tcp=False):
        """(exit status, output, errors) of `postmap -q KEY` with the map."""
        where = "inet:127.0.0.1:8461" if tcp else f"unix:{self.socket}"
        done = subprocess.run(
            [
                *self.prefix,
                "postmap",
                "-c",
                self.config,
                "-q",
                key,
                f"socketmap:{where}:{map_name or self.map_name}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.rstrip("\n"), done.stderr

    def client(self):
        """A client that this Postfix has greeted. Like any mail client it connects once more if a reload ended the
        process of the first connection before its greeting."""
        try:
            return smtplib.SMTP("127.0.0.1", 25, "client.example", timeout=30)
        except (smtplib.SMTPServerDisconnected, TimeoutError):
            print("no greeting at first:", tail(self.maillog, 10))
        try:
            return smtplib.SMTP("127.0.0.1", 25, "client.example", timeout=60)
        except (smtplib.SMTPServerDisconnected, TimeoutError) as error:
            raise AssertionError(f"no greeting\n{tail(self.maillog)}") from error

    def send_many(self, recipients):
        """Gives Postfix one message for each recipient."""
        with self.client() as client:
            for recipient in recipients:
                client.sendmail("test@sender.example", [recipient], "Subject: test\r\n\r\ntest\r\n")

    def send(self, recipient, via="unix"):
        """Gives a message to Postfix; returns its queue id."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "test@sender.example", recipient, "test"
        message.set_content("test\n")
        with self.client() as client:
            client.ehlo()
            client.mail(f"{via}@sender.example", [] if recipient.isascii() else ["SMTPUTF8"])
            code, text = client.rcpt(recipient)
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
            code, text = client.data(
                message.as_bytes() if recipient.isascii() else b"Subject: test\r\n\r\ntest\r\n"
            )
            return re.search(rb"queued as (\w+)", text).group(1).decode()

    def deliver(self, recipient, via="unix", seconds=60.0):
        compare = self.foresee(recipient, via) if self.foresee else None
        delivery = self.outcome(self.send(recipient, via), seconds)
        if compare:
            compare(delivery)
        return delivery
