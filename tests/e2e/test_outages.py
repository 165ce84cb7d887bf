#!/usr/bin/env python3
"""A policy that Postfix got once is kept through DNS and HTTPS outages, restart and kill -9."""

from e2e.support import WorldTest, main


class Outages(WorldTest):
    """Each test learns a policy, breaks something, and asks again; setUp repairs everything."""

    MAIL = True
    KNOWN = ("good.example", ["mx.good.example"])

    def setUp(self):
        self.expect_secure(*self.KNOWN)

    def break_until_the_end(self, server):
        server.stop()
        self.addCleanup(server.start)

    def test_resolver_gone(self):
        self.break_until_the_end(self.world.unbound)
        self.expect_secure(*self.KNOWN)
        self.expect_nothing("late.example")

    def test_name_servers_gone(self):
        self.break_until_the_end(self.world.nsd)
        self.world.settle()
        self.expect_secure(*self.KNOWN)
        self.expect_nothing("short.example")

    def test_policy_hosts_gone(self):
        self.break_until_the_end(self.world.policy_hosts)
        self.expect_secure(*self.KNOWN)
        self.expect_nothing("workspace.example")

    def test_orderly_restart_without_network(self):
        self.break_until_the_end(self.world.unbound)
        self.break_until_the_end(self.world.policy_hosts)
        self.world.daemon.stop()
        self.world.daemon.start()
        self.expect_secure(*self.KNOWN)

    def test_kill_directly_after_an_answer(self):
        self.world.daemon.kill()
        self.world.daemon.forget_everything()
        self.world.daemon.start()
        answer = self.world.daemon.ask(self.KNOWN[0], self.world.sender.map_name)
        self.world.daemon.kill()
        self.assertEqual(answer, "OK " + self.secure(self.KNOWN[1], self.KNOWN[0]))
        self.break_until_the_end(self.world.unbound)
        self.break_until_the_end(self.world.policy_hosts)
        self.world.daemon.start()
        self.expect_secure(*self.KNOWN)

    def test_mail_is_deferred_while_the_daemon_is_away_and_flows_after_its_start(self):
        self.world.daemon.stop()
        try:
            away = self.world.sender.deliver("user@good.example")
        finally:
            self.world.daemon.start()
        self.assertEqual((away.status, away.dsn), ("deferred", "4.7.5"), str(away))
        back = self.world.sender.deliver("user@good.example")
        self.assertEqual(back.status, "sent", str(back))
        self.assertIn("Verified TLS connection", str(back))

    def test_restart_is_invisible_to_an_smtp_process(self):
        first = self.world.sender.deliver("user@good.example")
        self.world.daemon.stop()
        self.world.daemon.start()
        second = self.world.sender.deliver("user@good.example")
        for delivery in (first, second):
            self.assertIn("Verified TLS connection", str(delivery))


if __name__ == "__main__":
    main()
