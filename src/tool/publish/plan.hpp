// tool/publish/plan.hpp - what to publish for a domain and in which order: policy, TXT record, TLSRPT record. Pure.
#pragma once

#include "base/clock.hpp"
#include "sts/policy.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace publish {

/// RFC 8461 section 3.2 wants weeks; a week is enough to begin with, and short enough to take back.
inline constexpr std::chrono::seconds default_max_age{7 * 86400};
/// Of a policy of mode none (section 8.3: "e.g., one day").
inline constexpr std::chrono::seconds withdrawn_max_age{86400};
/// Of records that are proposed, and how long resolvers may keep those before, as far as is known here.
inline constexpr std::chrono::seconds record_ttl{3600};
/// In mode testing, until reports of two weekends and two working weeks are there.
inline constexpr std::chrono::seconds testing_time{14 * 86400};

/// The text of mta-sts.txt; lines end with LF.
[[nodiscard]] std::string policy_text(const sts::Policy& policy);

/// "20261128T203520Z" of the clock, and one that differs from `current` when that is the same.
[[nodiscard]] std::string new_id(base::Instant now, std::string_view current);

/// The registrable part of a name, as check::registrable_part() has it.
using Registrable = std::function<std::string(std::string_view)>;

/// The patterns for MX hosts (names of DNS): exact ones, or, with `wildcard`, for the whole domain that a host is in; not
/// where that belongs to others as well (a public suffix). Sorted by first appearance, each once. `bad`: names that no
/// pattern can cover.
[[nodiscard]] std::vector<sts::MxPattern> patterns_for(const std::vector<std::string>& hosts,
                                                       const Registrable& wildcard,
                                                       std::vector<std::string>* bad = nullptr);
[[nodiscard]] std::string to_string(const sts::MxPattern& pattern);

struct Record {
    std::string name;  ///< without a final dot
    std::string value; ///< of a TXT record, as one text
    friend bool operator==(const Record&, const Record&) = default;
};

/// The line of a zone file in BIND's form; long values in several strings.
[[nodiscard]] std::string zone_line(const Record& record);
/// For a form of a DNS provider: name, type, TTL and value.
[[nodiscard]] std::string plain_lines(const Record& record);

enum class Do : std::uint8_t {
    prepare_host,   ///< address and certificate of mta-sts.<domain>
    serve_policy,   ///< the file
    publish_txt,    ///< the record at _mta-sts
    publish_tlsrpt, ///< the record at _smtp._tls
    remove_txt,
    remove_host,
    look_again, ///< with stsmap
};
[[nodiscard]] std::string_view to_string(Do what) noexcept; ///< "prepare-host", ...

struct Step {
    Do what{};
    std::vector<std::string> words; ///< sentences for a person
    std::string command;            ///< to run; "" none
    std::optional<Record> record;   ///< to publish
    /// Before the next step; none: at once.
    std::optional<std::chrono::seconds> wait;
    std::string why_wait; ///< "until resolvers have forgotten the record before"
};

struct Plan {
    std::string domain;
    sts::Policy policy;
    std::string text; ///< of the policy; "" it stays as it is
    std::string id;   ///< "" stays as it is
    std::vector<Step> steps;
};

struct Wish {
    std::string domain; ///< A-labels
    sts::Policy policy;
    std::vector<std::string> rua; ///< URIs; none: no TLSRPT record
    base::Instant now{};
    std::string current_id; ///< "" none
    bool new_host = true;   ///< the policy host is not there yet
    std::chrono::seconds
        seen_ttl{}; ///< of the answer about the TXT record, also that there is none; 0 not known
};

/// A policy that is new, or takes the place of another one.
[[nodiscard]] Plan plan_for(const Wish& wish);

[[nodiscard]] std::string policy_host(std::string_view domain); ///< "mta-sts.example.com"
[[nodiscard]] std::string policy_url(std::string_view domain);
[[nodiscard]] Record txt_record(std::string_view domain, std::string_view id);
[[nodiscard]] Record tlsrpt_record(std::string_view domain, const std::vector<std::string>& rua);

} // namespace publish
