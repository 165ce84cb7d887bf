#include "dane/host.hpp"

#include "dane/tlsa.hpp"

#include <algorithm>
#include <utility>

namespace dane {
namespace {

using dns::Answer;
using dns::Type;

/// Letters, digits, hyphens, underscores and dots, and no address. Label lengths were DNS's to check.
bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > 253) return false;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    const std::string_view last = name.substr(name.find_last_of('.') + 1);
    return std::ranges::all_of(name, fits) && last.find_first_not_of("0123456789") != std::string_view::npos;
}

bool any_usable(const std::vector<std::string>& records) {
    return std::ranges::any_of(records, [](const std::string& rdata) {
        const auto record = parse_tlsa(rdata);
        return record && usable(*record);
    });
}

} // namespace

std::optional<std::string> says_nothing(const Result& result) {
    if (!result) return " failed: " + std::string{base::to_string(result.error().reason)};
    if (result->worth == dns::Worth::indeterminate) return " failed: no validating server answered";
    return std::nullopt;
}

Host::Host(std::string name, std::uint16_t port) : name_(std::move(name)), port_(port), expanded_(name_) {
    if (!is_host_name(name_)) {
        settle(HostStatus::definitely_not, (name_.empty() ? "the root" : name_) + " is no host name");
        return;
    }
    to_ask_ = {{name_, Type::a}, {name_, Type::aaaa}};
}

std::vector<Host::Question> Host::next() { return std::exchange(to_ask_, {}); }

void Host::take(const Question& question, const Result& result) {
    if (status_ != HostStatus::open) return;
    switch (question.type) {
    case Type::a:
    case Type::aaaa:
        if (stage_ == Stage::addresses) take_address(result);
        return;
    case Type::cname:
        if (stage_ == Stage::alias) take_alias(result);
        return;
    case Type::tlsa:
        if (stage_ == Stage::tlsa_of_expanded || stage_ == Stage::tlsa_of_name) take_tlsa(result);
        return;
    case Type::mx:
    case Type::soa:
    case Type::txt: return;
    }
}

/// One of A and AAAA with records settles what the addresses are, whatever comes of the other.
void Host::take_address(const Result& result) {
    --addresses_awaited_;
    if (auto nothing = says_nothing(result)) {
        address_failure_ = std::move(nothing);
    } else {
        const bool data = result->kind == Answer::Kind::data;
        if (data) ttl_.reset(); // a denial of the other type no longer matters
        took_part(*result);
        if (data || !result->secure()) expanded_ = result->canonical_name;
        if (data && result->secure())
            return enter(expanded_ == name_ ? Stage::tlsa_of_name : Stage::tlsa_of_expanded);
        if (data) return insecure_address();
        // Not so a denial: in a signed zone, wildcards under NSEC3 opt-out (RFC 5155 section 9.2) are denied
        // without AD though they have a signed record of the other type.
        denied_insecurely_ = denied_insecurely_ || !result->secure();
    }
    if (addresses_awaited_ > 0) return;
    if (denied_insecurely_) return insecure_address();
    if (address_failure_)
        return settle(HostStatus::unreachable, "address lookup for " + name_ + *address_failure_);
    settle(HostStatus::no_address, name_ + " has no address");
}

/// Of an alias that leads out of a signed zone the name itself may still have TLSA (RFC 7672 section 2.2.3).
void Host::insecure_address() {
    if (expanded_ != name_) return enter(Stage::alias);
    settle(HostStatus::definitely_not, "the address of " + name_ + " is not signed");
}

void Host::take_alias(const Result& result) {
    if (const auto nothing = says_nothing(result))
        return settle(HostStatus::unreachable, "CNAME lookup for " + name_ + *nothing);
    took_part(*result);
    if (result->kind == Answer::Kind::data && result->secure()) return enter(Stage::tlsa_of_name);
    settle(HostStatus::definitely_not, "neither the address nor the CNAME of " + name_ + " is signed");
}

void Host::take_tlsa(const Result& result) {
    if (const auto nothing = says_nothing(result))
        return settle(HostStatus::unknown, "TLSA lookup for " + name_ + *nothing);
    took_part(*result);
    const bool data = result->kind == Answer::Kind::data;
    if (data && result->secure()) {
        // The records at the expanded name count alone, even when there is nothing in them to use.
        if (any_usable(result->records)) return settle(HostStatus::has_dane, name_ + " has TLSA");
        return settle(HostStatus::definitely_not, name_ + " has no usable TLSA");
    }
    if (stage_ == Stage::tlsa_of_expanded) return enter(Stage::tlsa_of_name);
    settle(HostStatus::definitely_not,
           data ? "the TLSA of " + name_ + " is not signed" : name_ + " has no TLSA");
}

void Host::enter(Stage stage) {
    stage_ = stage;
    to_ask_.clear();
    if (stage == Stage::alias) {
        to_ask_.push_back({name_, Type::cname});
        return;
    }
    std::string at = tlsa_name(stage == Stage::tlsa_of_expanded ? expanded_ : name_, port_);
    if (!at.empty())
        to_ask_.push_back({std::move(at), Type::tlsa});
    else if (stage == Stage::tlsa_of_expanded)
        enter(Stage::tlsa_of_name);
    else
        settle(HostStatus::definitely_not, name_ + " has no TLSA: the name is too long");
}

void Host::took_part(const Answer& answer) {
    const std::chrono::seconds ttl = answer.ttl.value_or(no_ttl);
    ttl_ = ttl_ ? std::min(*ttl_, ttl) : ttl;
}

void Host::settle(HostStatus status, std::string why) {
    status_ = status;
    why_ = std::move(why);
    to_ask_.clear();
}

} // namespace dane
