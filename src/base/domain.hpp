// base/domain.hpp - a checked domain name: lower-case A-labels, no final dot. Pure.
//
// Holding a Domain means its name is safe to put into a DNS question, a URL, a log line and a Postfix answer.
// Labels are letters, digits, hyphens and underscores (DNS has them, RFC 5321 has not), 1 to 63 octets, not
// beginning or ending with a hyphen; the whole has at most 253 octets. U-labels are converted as Postfix does
// it: IDNA2008 with UTS 46, non-transitional.
#pragma once

#include "base/expected.hpp"
#include "base/keyed_hash.hpp"

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace base {

enum class DomainErrc {
    empty,     ///< no name at all
    too_long,  ///< over 253 octets as A-labels, or a label over 63
    bad_label, ///< an empty label, or a byte that no host name has
    address,   ///< looks like an IPv4 address (all labels digits): never a domain
    not_idna,  ///< not UTF-8, or not convertible under IDNA2008/UTS 46
};

class Domain {
public:
    /// Accepts UTF-8, any case, one final dot. Never throws for bad input.
    [[nodiscard]] static Expected<Domain, DomainErrc> parse(std::string_view text);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::size_t labels() const noexcept;
    /// The record that announces a policy: "_mta-sts.<name>" (RFC 8461 section 3.1).
    [[nodiscard]] std::string record_name() const { return "_mta-sts." + name_; }
    /// The policy host: "mta-sts.<name>" (RFC 8461 section 3.2).
    [[nodiscard]] std::string policy_host() const { return "mta-sts." + name_; }

    friend bool operator==(const Domain&, const Domain&) = default;
    friend auto operator<=>(const Domain&, const Domain&) = default;

private:
    explicit Domain(std::string name) : name_(std::move(name)) {}
    std::string name_;
};

/// The longest domain whose "_mta-sts." name still fits into 253 octets.
inline constexpr std::size_t max_policy_domain = 253 - 9;

} // namespace base

/// Strangers choose the names: keyed.
template <>
struct std::hash<base::Domain> {
    std::size_t operator()(const base::Domain& d) const noexcept { return base::KeyedHash{}(d.name()); }
};
