"""The Debian package in clean Debian 12 and 13 systems: needs root."""
