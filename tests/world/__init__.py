"""A small internet for tests and for the demonstration: DNS, policy hosts, mail hosts and a certificate
authority.

Everything runs inside the namespaces of namespace.py; world.World puts it together.
"""
