"""Real Postfix, nsd, unbound and nginx in a network namespace: needs root."""
