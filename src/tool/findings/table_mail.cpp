// "mx-..." and "dane-...": the mail servers.
#include "tool/findings/rows.hpp"

#include <array>

namespace findings {
namespace {

constexpr std::array rows{
    Row{"mx-none-admitted", Severity::error, "the policy admits no MX host of the domain",
        "Senders that enforce the policy deliver to none of them: all their mail waits, and is returned "
        "after some days.",
        "Add the names of the MX hosts to the policy, as the MX records have them, and change the id of the "
        "TXT record. Lower max_age does not help those who have the policy already.",
        "RFC 8461 section 5"},
    Row{"mx-not-admitted", Severity::error, "the policy does not admit an MX host",
        "Senders that enforce the policy do not deliver to this host. Mail waits when the others fail.",
        "Add the name to the policy and change the id of the TXT record, or take the host out of the MX "
        "records.",
        "RFC 8461 section 4.1"},
    Row{"mx-pattern-idle", Severity::note, "an mx of the policy covers no MX host",
        "It does no harm: it may be there for a host to come. If not, it is left over, or misspelt.",
        "Take it out of the policy unless it is there on purpose.", "RFC 8461 section 3.2"},
    Row{"mx-not-compared", Severity::note, "this Postfix does not compare names of MX hosts with the policy",
        "Versions before 3.10.5, and the map's form sts, compare only the names of the certificate. So mail "
        "goes to a host that the policy does not name, if its certificate has a name that the policy has. "
        "Other senders do not deliver there.",
        "", "RFC 8461 section 4.1"},
    Row{"mx-no-address", Severity::error, "an MX host has no address",
        "No mail can go there. Senders try the next one.",
        "Publish its A and AAAA records, or take the MX record away.", "RFC 5321 section 5.1"},
    Row{"mx-dns-failed", Severity::warning, "the addresses of an MX host cannot be looked up",
        "The resolver here could not find them out.", "See whether the name servers of that name answer.",
        "RFC 5321 section 5.1"},
    Row{"mx-alias", Severity::note, "an MX record names an alias",
        "An MX record must not name a CNAME. Most senders follow it all the same, and compare policy and "
        "certificate with the name in the MX record, not with the target.",
        "Name the host itself in the MX record.", "RFC 2181 section 10.3"},
    Row{"mx-unreachable", Severity::warning, "an MX host cannot be connected to",
        "No connection to port 25 of this address was made from here. Mail goes to other hosts, or waits, "
        "whatever the policy.",
        "See whether the host is up, and whether it or its network refuses the sender's address.", ""},
    Row{"mx-refuses", Severity::warning, "an MX host refuses to talk to this host",
        "It answered the connection or EHLO with an error: perhaps it is busy, or the address here has a bad "
        "name. So its certificate could not be seen.",
        "See whether the host is overloaded, or refuses senders by their address.", "RFC 5321 section 3.1"},
    Row{"mx-not-smtp", Severity::warning, "an MX host does not speak SMTP",
        "It closed the connection, did not answer in time, or answered with something else than replies. So "
        "its certificate could not be seen.",
        "See what answers at port 25.", "RFC 5321 section 4.2"},
    Row{"mx-no-starttls", Severity::error, "an MX host does not offer STARTTLS",
        "A policy asks for TLS, so senders that enforce it do not deliver there.",
        "Turn TLS on in the mail server. Some firewalls take STARTTLS away from the replies (\"SMTP "
        "inspection\").",
        "RFC 8461 section 4.2"},
    Row{"mx-starttls-refused", Severity::error, "an MX host offers STARTTLS and refuses it",
        "The offer stands in its reply to EHLO, and the command was answered with an error.",
        "See the mail server's log: often its certificate or key cannot be read.", "RFC 3207 section 4"},
    Row{"mx-injected", Severity::error, "an MX host sends more than the reply to STARTTLS",
        "Octets came behind the reply, before TLS began. They may be of somebody in between (command or "
        "response injection), so the connection is given up.",
        "Update the mail server, and look for something between it and the network that changes SMTP.",
        "RFC 3207 section 6"},
    Row{"mx-tls-version", Severity::error, "an MX host has no version of TLS that Postfix takes here",
        "There is no version that both sides have: smtp_tls_mandatory_protocols says what Postfix takes.",
        "Offer TLS 1.2 and 1.3.", "RFC 8996"},
    Row{"mx-tls-old", Severity::warning, "an MX host has nothing newer than TLS 1.1",
        "TLS 1.0 and 1.1 are no longer to be used. Postfix takes them by default; many senders do not.",
        "Offer TLS 1.2 and 1.3.", "RFC 8996"},
    Row{"mx-tls-failed", Severity::error, "the TLS handshake with an MX host fails",
        "STARTTLS was accepted, and no TLS session came of it.",
        "See the mail server's log for the same moment.", "RFC 8461 section 4.2"},
    Row{"mx-certificate-untrusted", Severity::error, "an MX host's certificate is not trusted",
        "It does not lead to an authority that Postfix trusts here (smtp_tls_CAfile, smtp_tls_CApath): "
        "self-signed, of a private authority, or sent without the intermediate certificate.",
        "Install a certificate of a public authority together with its intermediate certificates (the full "
        "chain).",
        "RFC 8461 section 4.2"},
    Row{"mx-certificate-name", Severity::error, "an MX host's certificate is for another name",
        "None of its dNSNames is the name that the sender looks for: that of the MX record.",
        "Get a certificate with the name of the MX record, and have the mail server show it for this name "
        "(SNI) if it has several.",
        "RFC 8461 section 4.2"},
    Row{"mx-certificate-expired", Severity::error, "an MX host's certificate is not valid now",
        "It has expired, or is not valid yet.",
        "Renew it and have the mail server load it: many need a reload after each renewal.",
        "RFC 8461 section 4.2"},
    Row{"mx-certificate-ends", Severity::warning, "an MX host's certificate ends soon",
        "Once it has expired, mail of senders that enforce the policy waits.",
        "See whether it is renewed by itself, and whether the mail server then loads it.",
        "RFC 8461 section 4.2"},
    Row{"mx-certificate-common-name", Severity::warning, "an MX host's certificate has its name only as CN",
        "It has no dNSName in its subjectAltName. Postfix takes the common name then; the standard wants a "
        "dNSName, and other senders take nothing else.",
        "Get a certificate with the name as dNSName: public authorities issue no other.",
        "RFC 8461 section 4.2"},
    Row{"mx-not-ready", Severity::note, "an MX host would not satisfy a policy",
        "The domain has no policy that asks for it, so mail flows. With a policy that is enforced it would "
        "wait.",
        "Repair this before a policy is published.", "RFC 8461 section 4.2"},
    Row{"mx-not-looked-at", Severity::note, "an MX host was not connected to",
        "So nothing is known about its TLS and its certificate.", "", ""},
    Row{"mx-port-25-closed", Severity::note, "no mail host can be connected to from here",
        "Hosts of different operators were tried, and none could be reached: port 25 is probably closed for "
        "this host, as many networks do. All else was looked at.",
        "", ""},
    Row{"mx-out-of-reach", Severity::note, "an MX host comes too late to be tried",
        "Postfix gives up after so many addresses (smtp_mx_address_limit, by default five): the hosts before "
        "this one have as many.",
        "Name fewer hosts, or give them fewer addresses.", ""},

    Row{"dane-used", Severity::fine, "DANE protects the domain",
        "Its MX records and the addresses of its mail hosts are signed, and they have usable TLSA records. "
        "stsmapd leaves it to DANE, which goes before MTA-STS.",
        "", "RFC 8461 section 2"},
    Row{"dane-unknown", Severity::note, "it could not be found out whether DANE protects the domain",
        "A lookup failed, or nobody here validates.", "", "RFC 7672 section 2.1"},
    Row{"dane-partly", Severity::warning, "some MX hosts have TLSA records, and others do not",
        "An attacker who leads senders to the hosts without them goes round DANE.",
        "Publish TLSA records for all MX hosts, or for none.", "RFC 7672 section 2.2.1"},
    Row{"dane-unsigned", Severity::warning, "TLSA records stand in a zone that is not signed",
        "Without DNSSEC they count for nothing.", "Sign the zone, or take the records away.",
        "RFC 7672 section 2.2"},
    Row{"dane-unusable", Severity::warning, "no TLSA record of an MX host can be used",
        "For mail only the usages DANE-TA(2) and DANE-EE(3) count, with selector 0 or 1 and data of the right "
        "length.",
        "Publish \"3 1 1\" records.", "RFC 7672 section 3.1"},
    Row{"dane-mismatch", Severity::error, "no TLSA record fits the certificate of an MX host",
        "Senders that use DANE, many large ones do, do not deliver there: the certificate or key was "
        "changed, and its TLSA record was not.",
        "Publish the record of the new key beside the old one before the key is changed, and take the old "
        "one away some days later.",
        "RFC 7671 section 8.1"},
    Row{"dane-match", Severity::fine, "a TLSA record fits the certificate of an MX host",
        "Senders that use DANE deliver there.", "",
        "RFC 7672 section 3.1"},
};

} // namespace

std::span<const Row> mail_rows() noexcept { return rows; }

} // namespace findings
