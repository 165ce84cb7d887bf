// tool/check/run.hpp - checks of many domains: their evidence, one after the other as it is complete.
//
// DNS and policy hosts are asked side by side, mail servers with the manners of tool/check/manners. Blocking: it runs
// an io_context on the caller's thread. Used by check, preview, publish and `override list --check`.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/expected.hpp"
#include "config/config.hpp"
#include "smtp/settings.hpp"
#include "tool/check/connections.hpp"
#include "tool/check/evidence.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace check {

/// Domains whose DNS and policy hosts are asked at the same time.
inline constexpr std::size_t domains_at_once = 16;
/// Domains under way, with those that wait for their mail servers' turn: about 20 KiB each.
inline constexpr std::size_t domains_under_way = 1000;
/// Addresses of one mail host that are connected to: the next one only when there was no connection.
inline constexpr std::size_t max_tries = 8;
/// For finding out whether the name servers validate.
inline constexpr std::chrono::milliseconds servers_limit{5000};
/// After a stop: for the connections that are open, so that they end with QUIT.
inline constexpr std::chrono::milliseconds stop_limit{3000};

struct Target {
    base::Domain domain;
    std::string asked; ///< as typed
};
/// "example.com", in any case, with a final dot, in UTF-8. The error is words for a person.
[[nodiscard]] base::Expected<Target, std::string> parse_target(std::string_view text);

struct Progress {
    std::size_t domains = 0;    ///< in all
    std::size_t done = 0;       ///< handed over
    std::size_t connected = 0;  ///< connections to mail servers so far
    std::size_t waiting = 0;    ///< hosts that wait for their turn
    bool port_25_closed = false;
};

struct RunOptions {
    bool smtp = true;          ///< false: no connection to port 25
    bool every_address = false; ///< of a mail host, even when one answers
    std::size_t a_minute = Manners::all_a_minute;
    smtp::Settings settings;   ///< of smtp(8) here; for `probe`, and for the evidence
    explain::Postfix postfix;  ///< for all domains
    /// More that depends on the domain; called in another thread, one call at a time. Empty: `postfix` says all.
    std::function<explain::Postfix(const std::string& domain)> about_postfix{};
    std::function<void(const Progress&)> progress{}; ///< about twice a second
    std::stop_token stop{}; ///< domains whose mail servers are looked at come as they are, others not at all
    std::function<base::Instant()> now;
    Probe probe{}; ///< empty: smtp/probe with `settings`
};

/// `found` is called once for each domain, as they are complete, and must not throw. False: it was stopped. The error
/// is about the configuration or the settings, in words.
[[nodiscard]] base::Expected<bool, std::string> run(const config::Config& config,
                                                    const std::vector<Target>& targets, RunOptions options,
                                                    const std::function<void(Evidence)>& found);

} // namespace check
