// An mx pattern, LF, an MX host name: the pattern matches exactly what RFC 8461 section 4.1 and Appendix B
// say, by a second implementation of the rules.
#include "fuzz.hpp"

#include "sts/match.hpp"

#include <optional>
#include <string>
#include <vector>

namespace {

/// The labels of a lower-case ASCII host name, without one final dot; nothing for any other text.
std::optional<std::vector<std::string>> labels(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    if (name.empty() || name.size() > 253) return std::nullopt;
    std::vector<std::string> out(1);
    bool numeric = true;
    for (char c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if (c == '.') {
            out.emplace_back();
            continue;
        }
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'z') && c != '-' && c != '_') return std::nullopt;
        numeric = numeric && digit;
        out.back() += c;
    }
    for (const std::string& label : out)
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
            return std::nullopt;
    if (numeric) return std::nullopt;
    return out;
}

bool has_ace(const std::vector<std::string>& all) { // "xn--" and the like: IDNA has its say, too
    for (const std::string& label : all)
        if (label.substr(0, 4).find("--") != label.npos) return true;
    return false;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const std::string_view text = input.until('\n'), host = input.rest();
    const auto pattern = sts::parse_mx(text);
    const bool wildcard = text.starts_with("*.");
    const auto ours = labels(text.substr(wildcard ? 2 : 0));
    if (!pattern) {
        fuzz::require(!ours || has_ace(*ours) || text.find('_') != text.npos, "a host name is a pattern");
        return 0;
    }
    fuzz::require(pattern->wildcard == wildcard, "the wildcard is kept");
    if (sts::is_address(*pattern)) {
        fuzz::require(!ours, "an address is no host name");
        fuzz::require(!sts::matches(*pattern, host), "an address covers nothing");
        return 0;
    }
    fuzz::require(ours.has_value(), "a pattern is a host name");
    std::string name;
    for (const std::string& label : *ours) name += (name.empty() ? "" : ".") + label;
    fuzz::require(pattern->name == name, "lower case, no final dot");

    const bool got = sts::matches(*pattern, host);
    sts::Policy policy;
    policy.mx = {*pattern};
    fuzz::require(sts::admits(policy, host) == got, "admits() says what matches() says");
    auto theirs = labels(host);
    if (!theirs || has_ace(*theirs)) return 0; // U-labels and A-labels: libidn2 decides
    if (wildcard) theirs->erase(theirs->begin());
    fuzz::require(got == (*theirs == *ours), "the same labels, or one more under a wildcard");
    return 0;
}
