#!/usr/bin/env python3
"""`stsmap publish`: what it proposes is served by real web servers with the files it wrote, learnt by the daemon, passed
by check and enforced by Postfix; each step of a policy's life, in the order that it says."""
import json
import os
import re
import shutil
import subprocess

from e2e.support import WorldTest, main
from pylib import schemas
from pylib.net import listening
from pylib.process import Process
from pylib.waiting import wait_for
from world import domains
from world.domains import Domain

SERVERS = ("nginx", "apache", "lighttpd", "caddy")
PROGRAMS = {"nginx": "nginx", "apache": "apache2", "lighttpd": "lighttpd", "caddy": "caddy"}
ADDRESS = "192.0.2.44"


def own(label, address=domains.RIGHT, **more):
    name = f"{label}.example"
    return Domain(name, txt=None, policy_host=False, mx={f"mx.{name}": address},
                  records=(f"mta-sts.{label} A {ADDRESS}",), **more)


class PublishTest(WorldTest):
    MAIL = True
    MORE_DOMAINS = [own(f"by{server}") for server in SERVERS] + [
        own("badmx", domains.WRONG_NAME),
        own("way"),
    ]

    def take_port(self):
        """The web server of the test takes port 443 of all addresses, as its configuration says."""
        self.world.policy_hosts.stop()
        self.addCleanup(self.world.policy_hosts.start)

    def learn(self):
        """As after a minute: until then the daemon does not fetch again."""
        self.restart(forget=True)

    def publish(self, *words, status=0):
        """stsmap publish; returns its JSON document."""
        self.sender.age()
        done = self.stsmap("publish", "--json", "-c", self.sender.config, *words)
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        document = json.loads(done.stdout)
        self.assertEqual(schemas.mistakes("publish", document), [], document)
        return document

    def folder(self, name):
        path = os.path.join(self.world.folder, "publish-" + name)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def web_server(self, server, out):
        """The real web server, with the file that was written for it and nothing else of its own."""
        run = os.path.join(self.world.folder, "run-" + server)
        os.makedirs(run, exist_ok=True)
        os.chmod(out, 0o755)

        def file(name, text):
            path = os.path.join(run, name)
            with open(path, "w", encoding="ascii") as made:
                made.write(text)
            return path

        environment = {**os.environ, "HOME": run, "XDG_DATA_HOME": run, "XDG_CONFIG_HOME": run}
        if server == "nginx":
            main_file = file("main.conf", f"user root; daemon off; pid {run}/pid; error_log {run}/error.log;\n"
                                          f"events {{}}\nhttp {{ access_log off; include {out}/nginx.conf; }}\n")
            command = ["nginx", "-c", main_file, "-e", f"{run}/error.log"]
        elif server == "apache":
            modules = "".join(
                f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
                for name in ("mpm_event", "authz_core", "ssl", "mime", "socache_shmcb") )
            main_file = file("main.conf", f"{modules}ServerRoot {run}\nPidFile {run}/pid\nErrorLog {run}/error.log\n"
                                          f"ServerName localhost\nTypesConfig /etc/mime.types\nListen 443\n"
                                          f"Include {out}/apache.conf\n")
            command = ["apache2", "-f", main_file, "-DFOREGROUND"]
        elif server == "lighttpd":
            main_file = file("main.conf", 'server.modules = ( "mod_access", "mod_openssl" )\n'
                                          f'server.document-root = "{run}"\nserver.port = 8044\n'
                                          f'include "{out}/lighttpd.conf"\n')
            command = ["lighttpd", "-D", "-f", main_file]
        else:
            command = ["caddy", "run", "--config", f"{out}/Caddyfile", "--adapter", "caddyfile"]
        process = Process(server, command, os.path.join(run, "out"), env=environment)
        self.addCleanup(process.stop)
        process.wait_until(lambda: listening(ADDRESS, 443), "listening")
        return process

    def get(self, host, path="/.well-known/mta-sts.txt"):
        """(status, content type, body) as curl gets them."""
        done = subprocess.run(
            ["curl", "-sS", "--cacert", self.world.ca.root, "--resolve", f"{host}:443:{ADDRESS}", "-w",
             "\n%{http_code} %{content_type}", f"https://{host}{path}"],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        body, _, last = done.stdout.rpartition("\n")
        status, _, kind = last.partition(" ")
        return int(status), kind, body

    def mx_shown(self, name, wanted):
        """Waits until the resolver shows mx2, or does not any more."""
        unbound = self.world.unbound
        wait_for(lambda: any("mx2." in line for line in unbound.ask(name, "MX")[1]) == wanted, f"mx2 of {name}: {wanted}")

    def take_records(self, name, document):
        """Publishes the records of the proposal."""
        for step in document["steps"]:
            record = step.get("record")
            if not record:
                continue
            zone = self.world.domains[name].zone
            if record["name"].startswith("_mta-sts."):
                self.world.set_txt(name, record["value"])
            else:
                line = record["zone"].replace(" 3600 IN ", " ")
                self.assertTrue(line.startswith(f"_smtp._tls.{name}. TXT "), line)
                self.world.nsd.zones[zone].records.append(line)
                self.world.nsd.update(zone)
        self.world.settle()

    def serve(self, name, server):
        """From nothing to a policy in mode testing that is served; returns the folder."""
        out = self.folder(name)
        certificate, key = self.world.ca.leaf("mta-sts." + name)
        document = self.publish(
            "--out", out, "--root", f"{out}/web", "--certificate", certificate, "--key", key, "--rua",
            f"mailto:tls@{name}", name)
        self.assertEqual((document["step"], document["policy"]["mx"]), ("start", [f"mx.{name}"]))
        self.assertEqual([step["do"] for step in document["steps"]],
                         ["prepare-host", "serve-policy", "publish-txt", "publish-tlsrpt", "look-again"])
        self.web_server(server, out)
        self.take_records(name, document)
        return out

    def test_the_files_are_served_by_real_web_servers(self):
        for server in SERVERS:
            with self.subTest(server):
                if not shutil.which(PROGRAMS[server]):
                    self.skipTest(f"there is no {PROGRAMS[server]}")
                try:
                    self.life_of_a_policy(f"by{server}.example", server)
                finally:
                    self.doCleanups()  # the next one needs the port

    def life_of_a_policy(self, name, server):
        self.take_port()
        out = self.serve(name, server)
        with open(f"{out}/web/.well-known/mta-sts.txt", encoding="ascii") as file:
            policy = file.read()
        status, kind, body = self.get("mta-sts." + name)
        self.assertEqual((status, kind.partition(";")[0], body), (200, "text/plain", policy))
        self.assertIn(self.get("mta-sts." + name, "/")[0], (403, 404))
        self.assertIn(self.get("mta-sts." + name, "/.well-known/")[0], (403, 404))

        # The daemon learns it, and check passes it.
        self.expect_nothing(name)
        known = self.explained(name)[1]["daemon"]
        self.assertEqual(known["policy"]["mode"], "testing", known)
        checked = self.publish("--verify", "--out", out, name)
        self.assertEqual([one["mode"] for one in checked["held"]], ["testing"])
        bad = [one for one in checked["check"]["findings"] if one["severity"] in ("error", "warning")]
        self.assertEqual(bad, [])

        # testing -> enforce, in the order that it says: the file is written, then the record gets its new id.
        document = self.publish("--next", "--out", out, "--root", f"{out}/web", name)
        self.assertEqual((document["step"], document["policy"]["mode"]), ("enforce", "enforce"))
        with open(f"{out}/nginx.conf", encoding="ascii") as file:
            self.assertIn(f"{self.world.ca.folder}/", file.read(), "the configuration stays as it was")
        # lighttpd looks at a file again after a second or two.
        wait_for(lambda: self.get("mta-sts." + name)[2] == document["policy"]["text"], "the new text")
        self.take_records(name, document)
        self.learn()
        status, answer, _ = self.sender.postmap(name)
        self.assertEqual(status, 0)
        self.assertTrue(answer.startswith(f"secure match=mx.{name} servername=hostname"), answer)
        delivery = self.sender.deliver(f"user@{name}")
        self.assertEqual(delivery.status, "sent", delivery)
        self.assertIn("Verified TLS connection established", "\n".join(delivery.tls))
        checked = self.publish("--verify", "--out", out, name)
        self.assertEqual([one["mode"] for one in checked["held"]], ["enforce", "testing"])
        self.assertEqual([one["current"] for one in checked["held"]], [True, False])
        self.assertEqual(checked["check"]["verdict"]["outcome"], "verified", checked)
        self.assertEqual(self.publish("--next", "--out", out, name)["step"], "keep")
        page = self.stsmap("publish", "-c", self.sender.config, "--verify", "--out", out, name).stdout
        self.assertRegex(page, r"(?s)verified.*\nSenders may still hold:\n  mode enforce, id \w+: until ")

    def test_enforce_is_refused_while_mail_would_wait(self):
        name = "badmx.example"
        self.take_port()
        out = self.serve(name, "nginx")
        self.publish("--verify", "--out", out, name, status=1)
        document = self.publish("--next", "--out", out, name, status=1)
        self.assertEqual(document["step"], "refused")
        self.assertEqual([one["id"] for one in document["findings"]], ["publish-mx-fails"])
        self.assertNotIn("policy", document)
        # And what Postfix would do is what was foreseen.
        path = f"{out}/web/.well-known/mta-sts.txt"
        with open(path, encoding="ascii") as file:
            text = file.read().replace("testing", "enforce")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self.world.set_txt(name, "v=STSv1; id=forced;")
        self.learn()
        self.assertEqual(self.sender.deliver(f"user@{name}").status, "deferred")

    def test_a_new_host_an_old_id_and_the_way_out(self):
        name = "way.example"
        self.take_port()
        out = self.serve(name, "nginx")
        path = f"{out}/web/.well-known/mta-sts.txt"
        self.publish("--verify", "--out", out, name)

        # A second MX host appears: the policy has to cover it first.
        zone = self.world.nsd.zones["example."]
        more = ["way MX 20 mx2.way.example.", f"mx2.way A {domains.RIGHT}"]
        zone.records += more
        self.world.nsd.update("example.")
        self.mx_shown(name, True)
        document = self.publish("--next", "--out", out, name, status=0)
        self.assertEqual(document["step"], "repair")
        self.assertIn("publish-mx-uncovered", [one["id"] for one in document["findings"]])
        self.assertEqual(document["policy"]["mx"], ["mx.way.example", "mx2.way.example"])
        for line in more:
            zone.records.remove(line)
        self.world.nsd.update("example.")
        self.mx_shown(name, False)

        # The text changed, and the owner forgets the id.
        document = self.publish("--next", "--out", out, name)
        self.assertEqual((document["step"], document.get("policy")), ("repair", None), "new file, old id")
        self.assertEqual([one["id"] for one in document["findings"]], ["publish-id-unchanged"])
        self.take_records(name, document)
        self.assertEqual(self.publish("--next", "--out", out, name)["step"], "enforce")

        # Withdrawal: mode none, and the waits.
        document = self.publish("--next", "--withdraw", "--out", out, name)
        self.assertEqual((document["step"], document["policy"]["mode"]), ("withdraw", "none"))
        waits = {step["do"]: step.get("wait_s") for step in document["steps"]}
        self.assertEqual(list(waits), ["serve-policy", "publish-txt", "remove-txt", "remove-host"])
        self.assertGreaterEqual(waits["publish-txt"], 604800 - 60)
        self.take_records(name, document)
        document = self.publish("--next", "--withdraw", "--out", out, name)
        self.assertEqual(document["step"], "withdrawn")
        self.assertRegex(document["words"], r"until \d{4}-\d\d-\d\dT")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "version: STSv1\nmode: none\nmax_age: 86400\n")

    def test_words_for_a_person(self):
        done = self.stsmap("publish", "--mx", "mx.some.example", "--rua", "https://some.example/r", "some.example")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in ("some.example: a policy of mode testing for 1 name", "mx: mx.some.example",
                      "1. Give mta-sts.some.example an A or AAAA record", "certificate", "Then wait"):
            self.assertIn(words, done.stdout)
        identity = re.search(r'^ *_mta-sts\.some\.example\. 3600 IN TXT "v=STSv1; id=(\w+);"$', done.stdout, re.M)
        self.assertTrue(identity, done.stdout)
        self.assertEqual(self.stsmap("lint", "--txt", f"v=STSv1; id={identity[1]};").returncode, 0)
        for words in (["--rua", "some.example"], ["--root", "/a b"], ["--mode", "none"], ["--withdraw"],
                      ["--next", "--verify"]):
            self.assertEqual(self.stsmap("publish", *words, "some.example").returncode, 2, words)


if __name__ == "__main__":
    main()
