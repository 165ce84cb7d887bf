"""The real daemon on loopback, with a DNS server and policy hosts in Python; runs as any user."""
