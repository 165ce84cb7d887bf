"""Nothing that a stranger wrote reaches a log line, an answer or a terminal unescaped. No secret does at all."""

import re
import socket
import subprocess
import threading
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.ca import certify
from pylib.logs import fields
from pylib.socketmap import frame

# A second log line, terminal escapes (also as C1 controls and in UTF-8), a terminal title, marks that reverse the
# direction of text, an overlong slash, half of a character, NUL, backspaces.
EVIL = (
    b"x\n<3>lookup: domain=forged.test answer=secure\r\x1b[2J\x1b]0;title\x07\x9b31m\xc2\x9b31m"
    b"\xe2\x80\xae\xe2\x81\xa6\xc0\xaf\xf0\x9f\x92\x00\x08\x08\x7f\xff\"\\'`$(id)"
)
PLAIN = re.compile(rb"[ -~]*")


class InjectionTest(harness.Case):
    def check_log(self, daemon):
        with open(daemon.log_file, "rb") as file:
            raw = file.read()
        self.assertIsNone(re.search(rb"[^\n -~]", raw), "printable ASCII only")
        for line in raw.decode().splitlines():
            self.assertRegex(line, r"^<[0-7]>[a-z-]+: ")
            self.assertNotEqual(fields(line).get("domain"), "forged.test", line)
            self.assertLess(len(line), 2000)

    def ask_raw(self, daemon, payload):
        """The reply's octets, unchecked."""
        with daemon.client() as client:
            client.send(frame(payload))
            client.socket.shutdown(socket.SHUT_WR)
            return client.until_closed()

    def evil_certificate(self, name, authority=None):
        """A certificate signed by an authority of ours or by itself; everything in its subject is hostile."""
        base = self.world.path("evil-" + name)
        subject = "/O=x\n<3>lookup: domain=forged.test\x1b[2J/OU=\u202e\u009b31m/CN=mta-sts.%s" % name
        names = ("subjectAltName=DNS:*.forged.test,DNS:x\x1b[31m.forged.test",)
        certify(base, subject, names, authority.issuer if authority else "")
        context = self.world.hosts.context("unused.test")
        context.load_cert_chain(base + ".pem", base + ".key")
        return context

    def test_every_text_of_a_stranger(self):
        for level in ("debug", "info"):
            for form in ("text", "json"):
                with self.subTest(level=level, format=form):
                    self.every_text("%s-%s" % (level, form), {"level": level, "format": form})

    def every_text(self, tag, log):
        evil = EVIL.decode("latin-1")

        def domain(what):
            return "%s.%s.test" % (what, tag)

        world = self.world
        good = b"version: STSv1\nmode: enforce\nmx: mx1.good.test\nmx: *.mail.test\nmax_age: 86400\n"
        one_line = EVIL.replace(b"\n", b" ").replace(b"\r", b" ").replace(b"\0", b" ")
        world.policy(domain("mx"), body=good.replace(b"mx1.good.test", EVIL))
        world.policy(domain("mode"), body=good.replace(b"enforce", EVIL))
        world.policy(domain("age"), body=good.replace(b"86400", EVIL))
        world.policy(domain("version"), body=good.replace(b"STSv1", EVIL))
        world.policy(domain("all"), body=EVIL * 100)
        world.policy(domain("extension"), body=good + b"note: " + one_line + b"\n")
        world.policy(domain("status"), status="404 " + one_line.decode("latin-1"))
        world.policy(domain("kind"), content_type=one_line.decode("latin-1"))
        world.policy(domain("coding"), content_type="text/plain\r\nContent-Encoding: " + one_line.decode("latin-1"))
        world.policy(domain("moved"), status="302 Found\r\nLocation: " + one_line.decode("latin-1"))
        world.policy(domain("stranger"), context=self.evil_certificate(domain("stranger")))
        world.policy(domain("other"), context=self.evil_certificate(domain("other"), world.hosts.authority))
        world.policy(domain("id"))
        world.dns.add("_mta-sts." + domain("id"), "TXT", b"v=STSv1; id=" + EVIL)
        world.policy(domain("field"))
        world.dns.add("_mta-sts." + domain("field"), "TXT", b"v=STSv1; id=1; x=" + EVIL)
        daemon = self.start(log=log)
        what = "mx mode age version all extension status kind coding moved stranger other id field".split()
        for one in what:
            for name in ("sts", "sts-tlsrpt"):
                reply = self.ask_raw(daemon, "%s %s" % (name, domain(one)))
                self.assertTrue(PLAIN.fullmatch(reply), reply)
                self.assertNotIn(b"forged", reply)
        for payload in (b"sts " + EVIL, EVIL + b" good.test", EVIL.replace(b" ", b"") + b" good.test", b"sts " + EVIL
                        + b".test", b"stsmapd.status " + EVIL, EVIL):
            self.assertTrue(PLAIN.fullmatch(self.ask_raw(daemon, payload)), payload)
        with daemon.client() as client:
            client.send(EVIL)
            self.assertTrue(PLAIN.fullmatch(client.until_closed()))
        daemon.wait_log("other." + tag, "cert-name-mismatch")
        daemon.wait_log("stranger." + tag, "cert-untrusted")
        self.assertEqual(daemon.stop(), 0)
        if log["format"] == "text":
            self.check_log(daemon)
        else:
            with open(daemon.log_file, "rb") as file:
                self.assertIsNone(re.search(rb"[^\n -~]", file.read()), "printable ASCII only")
        self.assertEqual(evil.count("\n"), 1)

    def test_the_tool(self):
        """What stsmap shows from a policy, from its own arguments, and from whoever answers on the socket."""
        self.world.policy("good.test")
        self.world.policy(
            "evil.test",
            body=b"version: STSv1\nmode: enforce\nmx: mx1.good.test\nmax_age: 86400\nnote: \xc2\x9b31m\xe2\x80\xae\n",
        )
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        argument = EVIL.replace(b"\0", b"")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(self.world.path("liar"))
        listener.listen(16)

        def lie():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(30)
                    for _ in range(3):
                        if not connection.recv(65536):
                            break
                        connection.sendall(frame(b"OK secure match=" + EVIL))

        threading.Thread(target=lie, daemon=True).start()
        for where in (daemon.socket_path, self.world.path("liar")):
            for options in ([], ["--json"], ["--tlsrpt"], ["--tlsrpt", "--json"]):
                for domain in (b"evil.test", argument):
                    with self.subTest(where=where, options=options, domain=domain):
                        command = [harness.STSMAP, "--socket", "unix:" + where, "query", *options, "--", domain]
                        done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
                        self.assertIn(done.returncode, range(0, 80), done)
                        for stream in (done.stdout, done.stderr):
                            self.assertIsNone(re.search(rb"[^\n -~]", stream), stream)
        listener.shutdown(socket.SHUT_RDWR)

    def test_no_secret_is_shown(self):
        """A URL of the proxy with a password is refused, and the password is in no message, no dump and no log."""
        secret = "http://user:s3cret@proxy.test:3128"
        for text in (
            '[fetch]\nproxy = "%s"\n' % secret,
            '[fetch]\nproxy = "%s\n' % secret,
            '[fetch]\nproxy = "%s" x\n' % secret,
            '[fetch]\nproxi = "%s"\n' % secret,
            '[fetch]\nproxy = ["%s"]\n' % secret,
            'proxy = "%s"\n' % secret,
            "fetch = { proxy = '%s', }}\n" % secret,
        ):
            with open(self.world.path("secret.toml"), "w") as file:
                file.write(text)
            for mode in ("--check-config", "--dump-config"):
                done = self.run_tool("--config", file.name, mode, binary=harness.STSMAPD)
                self.assertEqual(done.returncode, 2, text)
                self.assertNotIn("s3cret", done.stdout + done.stderr, text)
        done = self.run_tool("--dump-config", binary=harness.STSMAPD, environment={"STSMAPD_FETCH_PROXY": secret})
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("s3cret", done.stdout + done.stderr)
        daemon = self.start()
        daemon.write_config('[fetch]\nproxy = "%s"\n' % secret)
        daemon.reload()
        daemon.wait_log("reload-failed")
        self.assertNotIn("s3cret", daemon.log())

    def test_what_the_status_map_tells(self):
        """A client gets to know whether DANE is looked for, and nothing else: no domain, no path, no number."""
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertRegex(daemon.ask("dane", "stsmapd.status"), r"^OK (in)?active")
        for key in ("", "good.test", "policies", "*", "dane x", "DANE", "../dane"):
            self.assertEqual(daemon.ask(key, "stsmapd.status"), NOTFOUND)


if __name__ == "__main__":
    unittest.main()
