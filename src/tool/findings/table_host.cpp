// "dns-..." and "host-...": the way to the policy.
#include "tool/findings/rows.hpp"

#include <array>

namespace findings {
namespace {

constexpr std::array rows{
    Row{"dns-no-domain", Severity::error, "the domain does not exist",
        "DNS has no such name (NXDOMAIN). Mail to it is returned to the sender.",
        "Look whether the name is spelt right, and whether the domain is still registered.",
        "RFC 5321 section 5.1"},
    Row{"dns-null-mx", Severity::note, "the domain takes no mail",
        "Its one MX record names the root (null MX): senders return the mail at once.", "", "RFC 7505"},
    Row{"dns-no-mx", Severity::note, "there is no MX record",
        "The domain's own address gets the mail (implicit MX), and a policy has to name the domain itself.",
        "Publish an MX record: some senders skip MTA-STS without one.", "RFC 5321 section 5.1"},
    Row{"dns-mx-failed", Severity::error, "the MX records cannot be looked up",
        "The resolver here could not find them out. As long as it is so, mail waits.",
        "See whether all name servers of the domain answer, and whether its DNSSEC signatures are valid.",
        "RFC 5321 section 5.1"},
    Row{"dns-txt-failed", Severity::error, "the record at _mta-sts cannot be looked up",
        "The resolver here could not find it out. Senders that have no policy yet deliver as if there were "
        "none; others keep the one they have until its max_age is over.",
        "See whether all name servers answer for _mta-sts, and whether its DNSSEC signatures are valid. Some "
        "name servers fail for names that begin with an underscore.",
        "RFC 8461 section 3.1"},
    Row{"dns-txt-alias", Severity::fine, "the record at _mta-sts is an alias",
        "A CNAME there is followed. The policy host is that of the domain asked for all the same.", "",
        "RFC 8461 section 8.2"},
    Row{"dns-signed", Severity::fine, "the record at _mta-sts is signed",
        "DNSSEC keeps others from hiding the record. MTA-STS does not need it.", "", "RFC 8461 section 10.2"},
    Row{"dns-not-validated", Severity::note, "nothing is known about DNSSEC here",
        "The resolver that was asked does not validate, or its word is not trusted. So DANE cannot be seen "
        "from this host, and a domain that has it is judged by its policy alone.",
        "", "RFC 7672 section 2.1"},

    Row{"host-without-record", Severity::warning, "a policy is served, and no record announces it",
        "Senders fetch a policy only when there is exactly one valid record at _mta-sts. Those who have a "
        "policy already keep it.",
        "Publish the TXT record at _mta-sts, or, to withdraw the policy, serve one of mode none "
        "first.",
        "RFC 8461 section 3.1"},
    Row{"host-no-address", Severity::error, "the policy host has no address",
        "The record announces a policy, and mta-sts.DOMAIN does not exist or has neither A nor AAAA records. "
        "Senders deliver as if there were no policy.",
        "Publish A and AAAA records (or a CNAME) for mta-sts.DOMAIN.", "RFC 8461 section 3.3"},
    Row{"host-dns-failed", Severity::error, "the policy host's addresses cannot be looked up",
        "The resolver here could not find them out.",
        "See whether the name servers answer for mta-sts.DOMAIN and for where its CNAME leads.",
        "RFC 8461 section 3.3"},
    Row{"host-private-address", Severity::error, "the policy host has only private addresses",
        "Addresses of private networks mean another host at each sender, so stsmapd does not connect to "
        "them.",
        "Publish a public address for mta-sts.DOMAIN.", "RFC 6890"},
    Row{"host-alias", Severity::fine, "the policy host is an alias",
        "A CNAME is followed. The certificate has to have the name mta-sts.DOMAIN, not that of the target.",
        "", "RFC 8461 section 8.2"},
    Row{"host-unreachable", Severity::error, "the policy host cannot be connected to",
        "No connection to port 443 was made.",
        "Let the web server listen on all addresses that DNS has for the policy host, and open port 443 in "
        "firewalls.",
        "RFC 8461 section 3.3"},
    Row{"host-partly", Severity::warning, "one address of the policy host does not work",
        "Others do, so most senders get the policy. One that tries a single address, or has only IPv6 or "
        "only IPv4, may not.",
        "Repair the address, or take it out of DNS.", "RFC 8461 section 3.3"},
    Row{"host-tls", Severity::error, "no TLS session with the policy host can be made",
        "The handshake failed, or the host has nothing newer than TLS 1.1. Senders treat it as if there were "
        "no policy.",
        "Offer TLS 1.2 and 1.3, and a certificate for the name mta-sts.DOMAIN.", "RFC 8461 section 7.2"},
    Row{"host-certificate-untrusted", Severity::error, "the policy host's certificate is not trusted",
        "It does not lead to an authority that is trusted: self-signed, of a private authority, or sent "
        "without the intermediate certificate.",
        "Install a certificate of a public authority together with its intermediate certificates (the full "
        "chain).",
        "RFC 8461 section 3.3"},
    Row{"host-certificate-name", Severity::error, "the policy host's certificate is for another name",
        "None of its dNSNames is mta-sts.DOMAIN, nor a wildcard that covers it. The common name does not "
        "count, nor does the name that a CNAME leads to.",
        "Get a certificate for mta-sts.DOMAIN, and have the web server show it for this name.",
        "RFC 8461 section 3.3"},
    Row{"host-certificate-expired", Severity::error, "the policy host's certificate is not valid now",
        "It has expired, or is not valid yet.",
        "Renew it, have the web server load it, and see why it was not renewed in time.",
        "RFC 8461 section 3.3"},
    Row{"host-certificate-ends", Severity::warning, "the policy host's certificate ends soon",
        "Once it has expired senders can fetch no policy. Those who have one use it until its max_age is "
        "over.",
        "See whether it is renewed by itself.", "RFC 8461 section 3.3"},
    Row{"host-status", Severity::error, "the policy host answers with another status than 200",
        "Only status 200 counts: any other is as if there were no policy.",
        "Serve the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt with status 200.",
        "RFC 8461 section 3.3"},
    Row{"host-redirect", Severity::error, "the policy host redirects",
        "Senders must not follow redirects, so this is as if there were no policy.",
        "Serve the policy itself at https://mta-sts.DOMAIN/.well-known/mta-sts.txt, without a redirect.",
        "RFC 8461 section 3.3"},
    Row{"host-media-type", Severity::error, "the policy is not served as text/plain",
        "Many senders, stsmapd among them, take only text/plain: anything else may be a page about an error.",
        "Serve the file with \"Content-Type: text/plain\". A charset behind it does no harm.",
        "RFC 8461 section 3.2"},
    Row{"host-charset", Severity::fine, "the policy is served as text/plain with a charset",
        "Senders look at the media type alone: a parameter behind it does no harm.", "", "RFC 8461 section 3.2"},
    Row{"host-encoding", Severity::error, "the policy comes in a content coding that nobody asked for",
        "It is compressed although the request asked for identity.",
        "Turn off compression for the policy, at least for requests that do not accept it.",
        "RFC 9110 section 8.4"},
    Row{"host-too-large", Severity::error, "the policy is larger than 64 KiB",
        "Senders stop reading there, and ignore it.", "Make it shorter: a policy needs a few lines.",
        "RFC 8461 section 3.3"},
    Row{"host-truncated", Severity::error, "the connection ended before the policy did",
        "A file that was cut may lack mx lines, so it is not used.",
        "See whether Content-Length, or the last chunk, fits what the web server sends.",
        "RFC 9112 section 8"},
    Row{"host-not-http", Severity::error, "the policy host does not speak HTTP/1.1",
        "What it sends is no HTTP response, or not one whose length can be trusted.",
        "See what answers at port 443 of the policy host.", "RFC 8461 section 3.3"},
    Row{"host-timeout", Severity::error, "the policy host takes too long",
        "It did not answer in time. Senders wait for a minute at most, some for a few seconds only.",
        "Serve the policy as a plain file, from a host that is not overloaded.", "RFC 8461 section 3.3"},
    Row{"host-slow", Severity::warning, "the policy host is slow",
        "Some senders wait for two seconds only, and then deliver without the policy.",
        "Serve the policy as a plain file, from a host near its readers.", "RFC 8461 section 3.3"},
    Row{"host-proxy", Severity::note, "the HTTP proxy here refused or failed",
        "This is about this host (fetch.proxy of stsmapd.toml), not about the domain.", "", ""},
};

} // namespace

std::span<const Row> host_rows() noexcept { return rows; }

} // namespace findings
