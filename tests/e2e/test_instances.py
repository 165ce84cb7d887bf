#!/usr/bin/env python3
"""A second instance of Postfix (-c DIR), with its own queue directory."""
import os
import re

from e2e.prediction import contradiction
from e2e.setup_case import SetupCase
from e2e.support import OTHER_ROOT, main
from pylib.waiting import wait_for
from world.mail import Postfix


class SecondInstanceTest(SetupCase):
    """The daemon listens in the first one's queue directory, and nowhere else."""

    count = 0

    def setUp(self):
        super().setUp()
        settings = {
            "myhostname": "second.example",
            "inet_interfaces": "127.0.0.1",
            "smtp_tls_CAfile": self.trust,
            "smtp_tls_loglevel": "1",
            "smtp_tls_session_cache_database": "",
        }
        services = "127.0.0.1:2025 inet n - n - - smtpd\nsmtp unix - - y - - smtp\nrelay unix - - y - - smtp\n"
        SecondInstanceTest.count += 1
        folder = self.world.new_folder(f"s{self.count}")  # a socket's path must be short
        self.second = Postfix(folder, settings, services, OTHER_ROOT)
        self.second_socket = os.path.join(folder, "queue/stsmapd/socketmap")
        for name in ("resolv.conf", "services", "hosts", "nsswitch.conf"):
            os.makedirs(os.path.join(folder, "queue/etc"), exist_ok=True)
            if os.path.exists(f"/etc/{name}"):
                with open(f"/etc/{name}", "rb") as source, open(f"{folder}/queue/etc/{name}", "wb") as copy:
                    copy.write(source.read())
        self.listen([f"unix:{self.sender.socket}"])

    def listen(self, addresses):
        self.restart(listen=addresses)

    def second_setup(self, *words):
        return self.setup(*words, postfix=self.second.config)

    def second_value(self, name):
        return self.second.value(name)

    def deliver(self, recipient):
        """What becomes of a message that the second instance accepts, as stsmap explain says before."""
        self.second.start()
        self.addCleanup(self.second.stop)
        self.second.age()
        done, document = self.explained(recipient.rpartition("@")[2], postfix=self.second.config)
        self.second.command(
            "sendmail", "-C", self.second.config, "-f", "a@second.example", recipient, input="Subject: test\n\ntest\n"
        )
        line = wait_for(
            lambda: next((line for line in self.second.log() if f"to=<{recipient}>" in line), None), "an outcome", 60
        )
        delivery = self.second.outcome(re.search(r"\]: (\w+): to=<", line).group(1))
        self.assertEqual(contradiction(document, delivery), "", f"{done.stdout}\n{delivery}")
        return delivery

    def test_refused_until_a_socket_is_there(self):
        before = os.listdir(self.second.config)
        status, output, errors = self.second_setup("--apply", "--reload")
        self.assertEqual((status, errors), (1, ""), output)
        self.assertEqual(sorted(os.listdir(self.second.config)), sorted(before))
        self.assertEqual(self.second_value("smtp_tls_policy_maps"), "")
        self.assertNotIn("inet:127.0.0.1:8461", output)
        self.assertIn(f"unix:{self.second_socket}", output, "what has to be listened at")

        os.makedirs(os.path.dirname(self.second_socket))  # as the printed words say
        self.listen([f"unix:{self.sender.socket}", f"unix:{self.second_socket}"])
        status, output, errors = self.second_setup("--apply", "--reload")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn("Postfix is not running", output)
        self.assertEqual(self.second_value("smtp_tls_policy_maps"), self.map)
        self.assertEqual(self.doctor(postfix=self.second.config), [])
        self.assertEqual(self.doctor_of_first(), "not set up")
        delivery = self.deliver("user@good.example")
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertIn("Verified TLS connection established", str(delivery))

    def doctor_of_first(self):
        """The first instance has its own settings, which are not made yet."""
        fails = [each for each in self.doctor() if each[1] == "fail"]
        return "not set up" if any("smtp_tls_policy_maps" in each[2] for each in fails) else fails

    def test_a_socket_that_is_not_in_the_configuration_is_found(self):
        """As with a systemd drop-in, which stsmapd.toml does not mention."""
        os.makedirs(os.path.dirname(self.second_socket))
        self.listen([f"unix:{self.sender.socket}", f"unix:{self.second_socket}"])
        settings = dict(self.world.daemon.settings)
        self.world.daemon.settings = {**settings, "listen": [f"unix:{self.sender.socket}"]}
        self.world.daemon.write_config()
        try:
            status, output, _ = self.second_setup("--apply")
        finally:
            self.world.daemon.settings = settings
            self.world.daemon.write_config()
        self.assertEqual(status, 0, output)
        self.assertEqual(self.second_value("smtp_tls_policy_maps"), self.map)

    def test_commands_name_the_instance(self):
        os.makedirs(os.path.dirname(self.second_socket))
        self.listen([f"unix:{self.sender.socket}", f"unix:{self.second_socket}"])
        status, output, _ = self.second_setup()
        self.assertEqual(status, 0, output)
        self.assertIn(f"stsmap postfix-setup -c {self.second.config} --apply", output)
        self.assertIn(f"postfix -c {self.second.config} reload", output)


if __name__ == "__main__":
    main()
