// What can be said about the TXT records at _mta-sts and _smtp._tls. Found by tool/lint/txt_text, tlsrpt_text.
#include "tool/findings/rows.hpp"

namespace findings {

namespace {

using enum Severity;

constexpr std::string_view sts = "RFC 8461 section 3.1";
constexpr std::string_view reports = "RFC 8460 section 3";

constexpr Row rows[] = {
    {"txt-good", fine, "the TXT record is valid",
     "It says that there is a policy; senders look for a new one when its id changes. An id may have any "
     "form, "
     "a date for example: 1 to 32 letters and digits.",
     "", sts},
    {"txt-missing", note, "there is no TXT record that announces a policy",
     "Without one, senders do not look for a policy, and those that have one use it until its max_age has "
     "passed.",
     "To announce a policy, publish v=STSv1; id=... as a TXT record at _mta-sts below the domain. It comes "
     "last: "
     "first the policy has to be there.",
     sts},
    {"txt-version", error, "the record does not begin with v=STSv1;",
     "Senders discard a record that does not begin with exactly v=STSv1 and a semicolon: no blank and no "
     "quote "
     "before it, in this case of letters, and nothing else first.",
     "Publish v=STSv1; id=... with an id of letters and digits.", sts},
    {"txt-multiple", error, "there is more than one record that begins with v=STSv1;",
     "Senders then treat the domain as one without a policy, even if the records are equal.",
     "Remove all but one.", sts},
    {"txt-id-missing", error, "the record has no id", "The field id is required. Its name is in lower case.",
     "Add an id, such as the time: id=20261128T203520.", sts},
    {"txt-id-invalid", error, "the id is not 1 to 32 letters and digits",
     "No hyphens, dots, colons, blanks or quotes. Any form is right otherwise, such as a date.",
     "Write the id with letters and digits alone.", sts},
    {"txt-field-invalid", error, "a field of the record is not valid",
     "Every field is a name, an equals sign and a value, with a semicolon between fields. One that is not "
     "makes "
     "the whole record unusable.",
     "Remove the field, or write it as name=value.", sts},
    {"txt-field-empty", error, "the record has an empty field",
     "There are two semicolons with nothing between them. Many senders refuse the record.",
     "Remove one semicolon.", sts},
    {"txt-id-repeated", warning, "the record has more than one id",
     "The first counts. Not all senders know that: some take the last, some refuse the record.",
     "Keep one id.", "RFC 8461 section 3.2"},
    {"txt-blank-before-semicolon", warning, "a blank stands before the first semicolon",
     "The record has to begin with v=STSv1; and some senders discard it for this blank.", "Remove the blank.",
     sts},
    {"txt-blanks-at-end", warning, "blanks stand at the end of the record",
     "Without a semicolon before them the grammar does not allow them; some senders refuse the record.",
     "Remove them.", sts},
    {"txt-field-unknown", note, "a field of the record is unknown", "Senders ignore it.", "", sts},
    {"txt-other-records", note, "there are other TXT records beside it",
     "Senders discard what does not begin with v=STSv1;. A few count them and then find more than one "
     "record. "
     "Often a wildcard TXT record, such as one for SPF, shows here.",
     "Remove them where that is easy.", sts},
    {"txt-quotes", note, "the text was given in quotes, and was read as in a zone file",
     "Strings in quotes are joined without a blank. In a form of a DNS provider, quotes may become part of "
     "the "
     "record, which then is not valid.",
     "", ""},

    {"tlsrpt-good", fine, "the TLSRPT record is valid",
     "Senders that report send a summary a day to the addresses in it.", "", reports},
    {"tlsrpt-missing", note, "there is no TLSRPT record",
     "Nobody tells the domain when TLS to its mail servers fails, or when senders cannot get its policy.",
     "Publish v=TLSRPTv1; rua=mailto:... as a TXT record at _smtp._tls below the domain. It helps most while "
     "the "
     "policy is in mode testing.",
     reports},
    {"tlsrpt-version", error, "the record does not begin with v=TLSRPTv1;",
     "Senders discard a record that does not begin with exactly v=TLSRPTv1 and a semicolon: no blank and no "
     "quote "
     "before it, in this case of letters, and nothing else first.",
     "Publish v=TLSRPTv1; rua=mailto:... at _smtp._tls below the domain.", reports},
    {"tlsrpt-multiple", error, "there is more than one record that begins with v=TLSRPTv1;",
     "Senders then send no reports.", "Remove all but one; one record may have several addresses.", reports},
    {"tlsrpt-rua-missing", error, "the record has no rua",
     "The field rua says where reports go. Its name is in lower case.",
     "Add rua=mailto:... or rua=https://...", reports},
    {"tlsrpt-uri-invalid", error, "rua has something that is not a URI",
     "It is a list of URIs with commas between them. A URI begins with its scheme, and has no blanks, "
     "brackets of "
     "the form < >, or letters beyond ASCII.",
     "Write mailto: and a mail address, or https:// and so on.", "RFC 3986"},
    {"tlsrpt-uri-mark", error, "a URI has an exclamation mark",
     "In a TLSRPT record it has to be written %21. DMARC records may have a size behind one; these have not.",
     "Remove it and what follows, or write %21.", reports},
    {"tlsrpt-no-supported-uri", error, "rua has neither a mailto: nor an https: URI",
     "Senders report over these two schemes alone.",
     "Write mailto: and a mail address, or https:// and so on.", reports},
    {"tlsrpt-uri-unsupported", warning,
     "a URI is neither mailto: nor https:", "Senders ignore it, or the whole record.", "Remove it.", reports},
    {"tlsrpt-field-invalid", error, "a field of the record is not valid",
     "Every field is a name, an equals sign and a value, with a semicolon between fields.",
     "Remove the field, or write it as name=value.", reports},
    {"tlsrpt-field-empty", error, "the record has an empty field",
     "There are two semicolons with nothing between them.", "Remove one semicolon.", reports},
    {"tlsrpt-rua-repeated", warning, "the record has more than one rua", "Some senders use only one of them.",
     "Write one rua, with commas between its URIs.", reports},
    {"tlsrpt-blank-before-semicolon", warning, "a blank stands before the first semicolon",
     "The record has to begin with v=TLSRPTv1; and some senders discard it for this blank.",
     "Remove the blank.", reports},
    {"tlsrpt-blanks-at-end", warning, "blanks stand at the end of the record",
     "Without a semicolon before them the grammar does not allow them; some senders refuse the record.",
     "Remove them.", reports},
    {"tlsrpt-field-unknown", note, "a field of the record is unknown", "Senders ignore it.", "", reports},
    {"tlsrpt-other-records", note, "there are other TXT records beside it",
     "Senders discard what does not begin with v=TLSRPTv1;.", "Remove them where that is easy.", reports},
};

} // namespace

std::span<const Row> record_rows() noexcept { return rows; }

} // namespace findings
