"""What the tests of all suites share.

    waiting       wait_for() with a limit, and the error that says what did not come
    programs      where the built programs are, and an environment without options of ours
    process       children: run() for short ones, Process for long ones, Helper for a process of Python; what one uses
    daemon        the real daemon: its configuration, its life, its log, what it tells the service manager
    settings      settings of a configuration as TOML
    socketmap     a client, with access to the bare octets
    logs          reading log lines, and what the package's logcheck rules make of them
    net           ports, and servers that run in a thread
    ca            certificate authorities
    dns_message   DNS messages in wire form
    nameservers   zones, nsd and unbound
    nginx         one nginx
    engine        real engines of a shared cache (Valkey, Redis), replicas and Sentinels, with the manual's users
    resp          their protocol: a client, and an engine whose replies a test says
    faulty_proxy  a TCP proxy that fails in chosen ways
    sealing       what a fleet shares, made without the daemon's code
    aes_gcm       for sealing
    cases         what unittest's classes are given besides

Two worlds stand on it: blackbox.harness.World, on loopback, for a daemon that runs unprivileged; and
world.world.World, in a network namespace, with Postfix.

Every module of the tests is imported by its path from tests/, e.g. "from pylib.waiting import wait_for". What lies in
tests/ itself has that folder in its path, and so has what tests/unittest_json.py runs. By hand, in tests/:

    python3 -m unittest -v blackbox.test_reload
    python3 -m e2e.test_answers -v

A program in a folder below, which people start by its path, adds tests/ to its path in one line.
"""
