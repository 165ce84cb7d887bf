"""What `stsmap explain` predicts, compared with what Postfix then does.

An unconditional prediction must equal the outcome; a condition must fit it: mail that is sent went to a host that the
prediction allows, over a connection of the level that it names; mail that is not is so in words that the prediction has.
"""
import re

# What smtp(8) logs about the connection, by level.
VERIFIED = r"Verified TLS connection (established|reused)"
ANY_TLS = r"(Verified|Trusted|Untrusted|Anonymous) TLS connection (established|reused)"
CONNECTION = {
    "encrypt": ANY_TLS,
    "fingerprint": VERIFIED,
    "verify": VERIFIED,
    "secure": VERIFIED,
    "dane-only": VERIFIED,
}


def contradiction(document, delivery):
    """The words that say how the outcome contradicts the document of `stsmap explain --json`; "" when it does not, also
    when the document predicts nothing, because the daemon could not be asked."""
    verdict = document["verdict"]
    mail = verdict.get("mail")
    if mail is None:
        return ""
    if delivery.status == "sent":
        return of_sent(document, mail, delivery)
    if mail == "flows":
        return "it was to flow"
    if delivery.status != ("bounced" if mail == "bounces" else "deferred"):
        return f"it is {delivery.status}"
    parts = verdict["deferred"]
    if not parts:
        return "no words are predicted"
    if not any(part in str(delivery) for part in parts):
        return f"it is {delivery.status} in other words than {parts}"
    return ""


def of_sent(document, mail, delivery):
    """The same for mail that is sent."""
    verdict = document["verdict"]
    if mail in ("waits", "bounces"):
        return "it was not to be sent"
    host = re.search(r" relay=([^\[,]+)", delivery.line).group(1).lower().rstrip(".")
    if verdict.get("hosts") and host not in verdict["hosts"]:
        return f"it went to {host}, not to one of {verdict['hosts']}"
    if host in re.split(r"[\s,\[\]:]+", document["postfix"].get("fallback_relay", "").lower()):
        return ""
    level = verdict["level"]
    if level == "none" and re.search(ANY_TLS, str(delivery)):
        return "it went over TLS"
    if level in CONNECTION and not re.search(CONNECTION[level], str(delivery)):
        return f"it did not go over a connection of the level {level}"
    return ""


def used(document):
    """Which kind of prediction it is, for counting: "flows", "flows-if", "waits", "bounces" or "none"."""
    return document["verdict"].get("mail", "none")
