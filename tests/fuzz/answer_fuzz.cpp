// Only the writer of answers, with policies and words that did not go through our parsers: whatever its input
// is, its output is an answer that Postfix can read ("nothing from a policy reaches a reply unchecked").
//
// The input: an octet for the kind of decision, then lines: a policy text's lines, or an mx name after '=' (a
// wildcard after '*').
#include "fuzz.hpp"

#include "postfix/answer.hpp"
#include "postfix/netstring.hpp"
#include "support/postfix_syntax.hpp"

#include <algorithm>
#include <string>

namespace {

void check(const decision::Answer& answer, test::Reply::Status expected) {
    for (const auto dialect : {postfix::Dialect::plain, postfix::Dialect::tlsrpt}) {
        const std::string reply = postfix::answer(answer, dialect);
        const auto read = test::read_reply(reply, dialect == postfix::Dialect::plain ? test::Postfix::v3_4
                                                                                     : test::Postfix::v3_10);
        if (!read) fuzz::require(false, read.error());
        fuzz::require(read->status == expected, "the status word fits the decision");
        fuzz::require(test::read_netstring(postfix::frame(reply)) == reply, "framed as a netstring");
        fuzz::require(postfix::answer(answer, dialect) == reply, "the same again");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using Status = test::Reply::Status;
    fuzz::Script input(fuzz::view(data, size));
    const unsigned kind = input.octet() % 8;
    const auto reason = static_cast<base::Reason>(
        input.octet() % (static_cast<unsigned>(base::Reason::key_not_a_domain) + 1));
    if (kind == 0) {
        check(decision::NoOpinion{reason}, Status::not_found);
    } else if (kind == 1) {
        check(decision::DaneOnly{}, Status::ok);
    } else if (kind == 2) {
        const std::string words{input.rest()};
        check(decision::TryLater{reason, words}, Status::temp);
        for (const std::string& reply : {postfix::perm(words), postfix::temp(words)})
            fuzz::require(reply.size() <= 300 && fuzz::is_printable(reply), "printable, and not long");
        if (!words.empty())
            fuzz::require(test::read_reply(postfix::perm(words), test::Postfix::v3_4).has_value(),
                          "PERM is read");
    } else {
        sts::PolicyText policy;
        policy.policy.mode = sts::Mode::enforce;
        while (!input.empty()) {
            const std::string_view line = input.until('\n');
            if (line.starts_with('=') || line.starts_with('*')) {
                const std::string name{line.substr(1)};
                const sts::MxPattern pattern{name, line.front() == '*'};
                const auto& mx = policy.policy.mx;
                // The promises of a policy's type: names within DNS's lengths, no pattern twice.
                bool fits = name.size() <= 253 && std::find(mx.begin(), mx.end(), pattern) == mx.end();
                for (std::size_t run = 0; const char c : name)
                    fits = fits && (run = c == '.' ? 0 : run + 1) <= 63;
                if (fits) policy.policy.mx.push_back(pattern);
            } else {
                policy.text.append(line).append("\n");
            }
        }
        check(decision::Enforce{"example.com", &policy}, Status::ok);
    }
    return 0;
}
