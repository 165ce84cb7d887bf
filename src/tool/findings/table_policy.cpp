// What can be said about the text of a policy, mta-sts.txt. Found by tool/lint/policy_text.
#include "tool/findings/rows.hpp"

namespace findings {

namespace {

using enum Severity;

constexpr std::string_view grammar = "RFC 8461 section 3.2";

constexpr Row rows[] = {
    {"policy-good", fine, "the policy is valid",
     "Senders can use it. What it demands of them is in the other findings.", "", grammar},
    {"policy-empty", error, "the policy has no field",
     "The file is empty, or has blank lines only. Senders treat the domain as one without a policy.",
     "Write the fields version, mode, max_age and mx into it.", grammar},
    {"policy-html", error, "this is a web page, not a policy",
     "The text begins like HTML or XML. Often the web server answers with its start page, or with its page "
     "for "
     "errors, because the file is not where it is looked for.",
     "Put the policy where the web server looks for /.well-known/mta-sts.txt, as a plain text file.",
     grammar},
    {"policy-is-record", error, "this is the TXT record, not the policy",
     "The text begins with v=STSv1, as the record at _mta-sts does. The record announces a policy; the "
     "policy "
     "itself has lines such as version: STSv1.",
     "Serve the policy here, and put this text into a TXT record at _mta-sts below the domain.", grammar},
    {"policy-utf16", error, "the file is UTF-16",
     "Some editors save text in UTF-16 when asked for Unicode. Policies are ASCII or UTF-8.",
     "Save the file again as UTF-8 without a byte order mark.", grammar},
    {"policy-too-large", error, "the policy is longer than 65,536 octets",
     "Senders stop reading there, and may not use what is cut.",
     "Shorten it: a wildcard such as *.example.com can stand for many MX hosts.", "RFC 8461 section 3.3"},
    {"policy-control-octet", error, "a line has a control character",
     "Only a tab is allowed. Others mean that the file was damaged, or has line ends of an unusual form: a "
     "CR without "
     "an LF behind it, or two CRs.",
     "Write the line again; use LF or CR LF as line end.", grammar},
    {"policy-not-utf8", error, "a line is not UTF-8",
     "A policy is ASCII; only the values of unknown fields may have other characters, in UTF-8.",
     "Save the file as UTF-8, and write names with other letters as A-labels (xn--...).", grammar},
    {"policy-no-colon", error, "a line has no colon",
     "Every line is a key, a colon and a value. There are no comments. Some senders ignore such a line, most "
     "refuse the whole policy.",
     "Remove the line, or give it its key.", grammar},
    {"policy-no-key", error, "a line has no key", "Nothing stands before its colon.",
     "Remove the line, or give it its key.", grammar},
    {"policy-version-missing", error, "the field version is missing",
     "Every policy says version: STSv1. Keys are in lower case.", "Add the line version: STSv1.", grammar},
    {"policy-version-unknown", error, "version is not STSv1",
     "STSv1, written exactly so, is the only version there is.", "Write version: STSv1.", grammar},
    {"policy-mode-missing", error, "the field mode is missing",
     "The mode says what a sender does when it finds no MX host that fits the policy. Keys are in lower "
     "case.",
     "Add the line mode: testing, and mode: enforce when all is well.", grammar},
    {"policy-mode-unknown", error, "mode is not enforce, testing or none",
     "Senders treat a policy with any other word as none, so mail is not protected.",
     "Write enforce, testing or none, in lower case and with nothing else on the line.", grammar},
    {"policy-max-age-missing", error, "the field max_age is missing",
     "It says for how many seconds senders keep the policy. Keys are in lower case.",
     "Add a line such as max_age: 604800.", grammar},
    {"policy-max-age-invalid", error, "max_age is not a number of 1 to 10 digits",
     "It is a number of seconds in plain digits: no unit, no separator, no quotes.",
     "Write digits alone, such as max_age: 604800 for a week.", grammar},
    {"policy-mx-missing", error, "there is no mx",
     "In the modes enforce and testing a policy names the MX hosts of the domain, one on each line.",
     "Add a line such as mx: mail.example.com for each MX host.", grammar},
    {"policy-mx-invalid", error, "an mx is neither a host name nor *. and a name",
     "One bad mx makes the whole policy unusable: to leave it out could send mail to the wrong host, or to "
     "none. "
     "A name has letters, digits and hyphens; no port, no preference, no underscore, no second name.",
     "Write the name of one MX host, as the MX record has it, on each mx line.", grammar},
    {"policy-mx-only-addresses", error, "all mx are addresses",
     "MX hosts have names, and a policy compares names. An address covers none, so nothing could be "
     "delivered.",
     "Write the names that the MX records have.", "RFC 8461 section 4.1"},
    {"policy-mx-address", warning, "an mx is an address",
     "MX hosts have names, and a policy compares names. An address covers none; other mx lines still count. "
     "Some "
     "senders may refuse the policy.",
     "Write the name that the MX record has, or remove the line.", "RFC 8461 section 4.1"},
    {"policy-mx-final-dot", warning, "an mx ends with a dot",
     "A name here has no final dot. stsmapd leaves it out; other senders refuse the policy, or compare the "
     "name with "
     "its dot and find that no MX host matches, so that mail waits.",
     "Remove the dot.", "RFC 8461 section 4.1"},
    {"policy-mx-single-label", warning, "an mx has no dot",
     "It covers only an MX host of exactly this name, without a domain. Such hosts cannot be reached on the "
     "Internet.",
     "Write the whole name, as the MX record has it.", "RFC 8461 section 4.1"},
    {"policy-mx-wide", warning, "an mx covers a whole top-level domain",
     "A wildcard over a single label, such as *.com, admits hosts of everybody: the policy is worth little.",
     "Name the MX hosts, or a wildcard over a domain of your own.", "RFC 8461 section 10.3"},
    {"policy-mx-wildcard", note, "an mx is a wildcard",
     "It covers exactly one label: *.example.com covers mx1.example.com, and neither example.com nor "
     "a.mx1.example.com. Whoever can make an MX record point to any such host with a certificate passes.",
     "", "RFC 8461 section 4.1"},
    {"policy-mx-repeated", note, "the same mx stands there twice",
     "Nothing changes by it. Sometimes one of two such lines was meant to name another host.",
     "Remove one of them, or write the name that was meant.", grammar},
    {"policy-mx-unused", note, "an mx has no effect",
     "Mode none withdraws a policy. Its mx lines are not looked at, however they are written.", "", grammar},
    {"policy-mode-testing", note, "mode testing: senders deliver also where the policy fails",
     "Nothing is protected yet. Senders that report (RFC 8460) say what would have failed.",
     "When the reports are good, or check finds nothing, change to mode: enforce and give the TXT record a "
     "new id.",
     "RFC 8461 section 5"},
    {"policy-mode-none", note, "mode none: the policy is withdrawn",
     "Senders deliver as if there were no policy. This is the right way out of MTA-STS.",
     "Keep it, and the TXT record, until the max_age of the policy before it has passed.",
     "RFC 8461 section 8.3"},
    {"policy-max-age-zero", warning, "max_age is 0",
     "Senders keep the policy for no time at all, so an attacker who blocks DNS or the policy host removes "
     "it.",
     "Write a week or more: max_age: 604800.", "RFC 8461 section 10.2"},
    {"policy-max-age-short", warning, "max_age is less than a day",
     "Senders look for a new policy once a day. A policy that ends before protects only part of the time, as "
     "an "
     "attacker who blocks DNS or the policy host needs to wait no longer.",
     "Write a week or more: max_age: 604800. Senders take over a change by the TXT record's id, not by "
     "max_age.",
     "RFC 8461 section 10.2"},
    {"policy-max-age-low", note, "max_age is less than a week",
     "The longer senders keep a policy, the longer an attacker has to block DNS or the policy host. Weeks "
     "are "
     "usual. A change does not wait for max_age: the id of the TXT record announces it.",
     "Once all is well, write weeks, such as max_age: 2592000 (30 days).", "RFC 8461 section 3.2"},
    {"policy-max-age-capped", note, "max_age is more than the maximum",
     "The maximum is 31,557,600, a year; senders take larger numbers as this one.", "", grammar},
    {"policy-repeated-field", warning, "a field stands there twice",
     "The first counts. Not all senders know that: some take the last, some refuse the policy.",
     "Remove one of the two.", grammar},
    {"policy-key-misspelt", warning, "a key looks like a misspelt one",
     "Keys that senders do not know are ignored, so this line has no effect. A misspelt mx means that mail "
     "to that "
     "host waits.",
     "Write the key as it is meant: version, mode, max_age or mx, in lower case.", grammar},
    {"policy-key-unknown", note, "a key is unknown", "Senders ignore the line. It does no harm.", "",
     grammar},
    {"policy-bom", warning, "the file begins with a byte order mark",
     "stsmapd skips it. For other senders the first key begins with it, so that version is missing.",
     "Save the file as UTF-8 without a byte order mark.", grammar},
    {"policy-blank-line", warning, "a line is blank",
     "The grammar has no blank lines. stsmapd skips them; some senders refuse the policy, also for one at "
     "its end.",
     "Remove blank lines.", grammar},
    {"policy-blanks-before", warning, "blanks stand before a key or before its colon",
     "The grammar allows them only behind the colon and at the end of a line. stsmapd skips them; other "
     "senders "
     "ignore the line, or refuse the policy.",
     "Remove them.", grammar},
    {"policy-mixed-line-ends", note, "some lines end with LF, some with CR LF",
     "Senders take both. Perhaps two programs wrote the file.", "", grammar},
    {"policy-lf", fine, "lines end with LF: fine", "LF and CR LF are both allowed.", "", grammar},
    {"policy-crlf", fine, "lines end with CR LF: fine", "LF and CR LF are both allowed.", "", grammar},
    {"policy-no-final-line-end", fine, "the last line has no end: fine", "It needs none.", "", grammar},
};

} // namespace

std::span<const Row> policy_rows() noexcept { return rows; }

} // namespace findings
