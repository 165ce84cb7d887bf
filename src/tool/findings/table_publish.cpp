// What can be said about changing one's own policy. Found by tool/publish.
#include "tool/findings/rows.hpp"

namespace findings {

namespace {

using enum Severity;

constexpr Row rows[] = {
    {"publish-no-mail", error, "the domain takes no mail",
     "It has a null MX (RFC 7505), or does not exist. There is nothing that a policy could protect.",
     "Publish a policy for the domains that mail is sent to.", "RFC 7505"},
    {"publish-mx-unknown", error, "the MX hosts could not be found out",
     "DNS gave no answer about the MX records, or they are more than 100, so no policy can name the hosts.",
     "Try again, or name the hosts with --mx.", ""},
    {"publish-mx-name", error, "an MX host has a name that no policy can cover",
     "The names in a policy have letters, digits and hyphens; this one has something else, such as an "
     "underscore, or "
     "is an address.",
     "Give the host another name, and let the MX record point to that.", "RFC 8461 section 3.2"},
    {"publish-mx-uncovered", error, "the policy does not cover an MX host",
     "Under an enforced policy senders deliver nothing to it. When MX records change, the policy has to come "
     "first.",
     "Serve a policy that names it, and give the TXT record a new id; then wait until senders have it.",
     "RFC 8461 section 8.1"},
    {"publish-mx-fails", error, "mail to an MX host would wait under an enforced policy",
     "What is wrong with it is said beside; stsmap check says more.",
     "Put the host right first: STARTTLS, and a certificate by a public CA that has the host's name.",
     "RFC 8461 section 4.2"},
    {"publish-mx-not-seen", error, "nobody could look at an MX host",
     "Without a look at its certificate it is not known whether mail to it would wait.",
     "Run the command on a host that may connect to port 25.", ""},
    {"publish-unusable", error, "something is published, and senders cannot use it",
     "The policy or the TXT record has an error; stsmap check says which. Until it is put right, the domain "
     "is not "
     "protected.",
     "Put it right, or begin again in mode testing.", "RFC 8461 section 3"},
    {"publish-id-unchanged", error, "the text of the policy changed, and the id of the TXT record did not",
     "Senders that hold the policy before look for a new one only when the id changes, and otherwise once a "
     "day at "
     "most, or when its max_age has passed.",
     "Give the TXT record a new id, after the policy.", "RFC 8461 section 3.1"},
    {"publish-text-unchanged", note, "the id of the TXT record changed, and the text of the policy did not",
     "Senders fetch the same policy again. It does no harm.", "", "RFC 8461 section 3.1"},
    {"publish-already", warning, "a policy is served already",
     "What is proposed takes its place, also when the one before is enforced.",
     "See what the next step of the policy that is there would be: stsmap publish --next.", ""},
    {"publish-no-reports", note, "there is no TLSRPT record, and none is proposed",
     "Nobody will say when senders have trouble with the policy or with TLS.",
     "Say where reports may go, with --rua and a mailto: or https: URI.", "RFC 8460 section 3"},
    {"publish-before-unknown", note, "which policy was served before mode none is not known here",
     "Senders may hold it until its max_age has passed; at most a year.",
     "Keep mode none, and the TXT record, for as long as the max_age before it said.",
     "RFC 8461 section 8.3"},
};

} // namespace

std::span<const Row> publish_rows() noexcept { return rows; }

} // namespace findings
