// admin/page/overview.hpp - the daemon at one moment, as the status page, /status.json and `stsmap top` show it. Pure.
//
// Domain names are in it only when `show_domains` says so: whoever collects it leaves them out otherwise
// (without_names()). Bounded: the lists have the limits below.
#pragma once

#include "admin/exchange.hpp"
#include "admin/page/hour.hpp"
#include "base/clock.hpp"
#include "base/reason.hpp"
#include "decision/override.hpp"
#include "lookup/census.hpp"
#include "metrics/snapshot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace page {

inline constexpr std::size_t max_overrides_shown = 50;
inline constexpr std::size_t max_resolvers_shown = 16;
inline constexpr std::size_t max_failing_shown = lookup::Census::most_failing;
inline constexpr std::size_t max_detail = 300; ///< octets of a text of somebody else

struct Resolver {
    std::string name; ///< "127.0.0.1:53"
    enum class Validates : std::uint8_t { unknown, no, yes } validates{};
    bool trusted = false; ///< what it says of DNSSEC is believed
    bool silent = false;  ///< it did not answer, and is asked last for a while
};

/// A policy in use whose last fetch failed, with what is known of it.
struct Failing {
    lookup::FailingPolicy policy;
    std::string detail; ///< what exactly went wrong; "" not known
};

struct Overview {
    std::string version, host;
    std::string openssl, sqlite; ///< versions of these libraries, as they were loaded
    pid_t pid = 0;
    base::Instant now{}, started{};
    bool complete = true; ///< the stored policies have been loaded
    bool show_domains = false;
    metrics::Snapshot numbers;
    Hour::View hour;
    lookup::Census census;
    std::vector<Failing> failing; ///< those that expire first; empty without show_domains
    std::string dane;             ///< why DANE is not looked for; "" it is
    std::vector<Resolver> resolvers;
    /// Those that have not ended, the next to end first; at most max_overrides_shown. Without show_domains their
    /// `domain`, `match`, `reason` and `added_by` are "".
    std::vector<decision::Override> overrides;
    std::size_t overrides_in_all = 0;
    std::vector<std::string> needs_restart; ///< options that were changed and wait for a restart
};

/// Takes everything out that names a domain, or may.
void without_names(Overview& overview);

/// The first max_overrides_shown of those that have not ended, the next to end first; the others are counted in
/// `in_all`.
[[nodiscard]] std::vector<decision::Override> next_to_end(std::span<const decision::Override> all,
                                                          base::Instant now, std::size_t& in_all);

/// How many policies fail for each reason that any fails for, most first.
struct FailingFor {
    base::Reason reason{};
    std::size_t policies = 0;
};
[[nodiscard]] std::vector<FailingFor> failing_by_reason(const lookup::Census& census);

/// GET /status.json.
[[nodiscard]] admin::Json to_json(const Overview& overview);

} // namespace page
