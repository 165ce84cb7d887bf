// tlsrpt/record.hpp - RFC 8460 section 3: the TXT records at _smtp._tls.<domain> -> where reports go. Pure.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tlsrpt {

struct Record {
    /// The URIs that reports can go to, mailto: and https: alone, in the order of the record; at least one.
    std::vector<std::string> rua;
    friend bool operator==(const Record&, const Record&) = default;
};

/// The one valid TLSRPT record among `records`, or why there is none: Reason::no_record, record_multiple or
/// record_invalid; each means that no reports are sent. Each element is one TXT RR with its character-strings joined,
/// in any order. RRs that do not begin with "v=TLSRPTv1;" (blanks allowed before the ';') are discarded first; then
/// exactly one must be left and be valid. Several rua fields count like one. A URI of another scheme is left out; one
/// that is no URI (RFC 3986), or has a '!' that is not encoded, makes the record invalid.
[[nodiscard]] base::Expected<Record, base::Reason> find_record(std::span<const std::string> records);

/// The version that a record begins with.
inline constexpr std::string_view version = "v=TLSRPTv1";

/// What one element of a rua list is worth.
enum class UriKind : std::uint8_t {
    supported,   ///< mailto: with an address, or https: with a host
    unsupported, ///< a URI of another scheme
    mark,        ///< has a '!'
    invalid,     ///< no URI, or one without address or host
};
/// `uri` without blanks around it.
[[nodiscard]] UriKind kind_of(std::string_view uri) noexcept;

/// The elements of a rua list: what stands between the commas, without blanks around it. Views point into `list`.
[[nodiscard]] std::vector<std::string_view> uris_of(std::string_view list);

} // namespace tlsrpt
