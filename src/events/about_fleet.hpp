// events/about_fleet.hpp - the table's entries on the shared cache of a fleet. For events/table.cpp and render.
#pragma once

#include "events/about.hpp"

#include <string>

namespace events {

template <>
struct About<FleetUp> : At<Level::info> {
    using E = FleetUp;
    static constexpr Words words{"fleet-up", Section::fleet,
                                 "The engine of the shared cache answers, for the first time or again.", ""};
    static constexpr auto fields = std::tuple{field("engine", &E::engine), field("detail", &E::detail)};
};

template <>
struct About<FleetDown> : At<Level::warning> {
    using E = FleetDown;
    static constexpr Words words{
        "fleet-down", Section::fleet,
        "The engine of the shared cache cannot be used. This host looks for policies by itself meanwhile, as "
        "without a shared cache, and tries again after 1 s to 60 s.",
        "The table in SHARED CACHE says what to do for each reason."};
    static constexpr auto fields = std::tuple{field("engine", &E::engine), field("trouble", &E::trouble),
                                              field("detail", &E::detail), field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{60}, 16};
    static std::string key(const E& e) { return std::string(e.trouble); }
};

template <>
struct About<FleetUnusable> : At<Level::error> {
    using E = FleetUnusable;
    static constexpr Words words{
        "fleet-unusable", Section::fleet,
        "The shared cache that is configured could not be made, for example because its key file cannot be "
        "read. This "
        "host works without one until it is restarted.",
        "Correct what the line names; `stsmapd --check-config` looks again; then restart."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

template <>
struct About<FleetKeys> : At<Level::info> {
    using E = FleetKeys;
    static constexpr Words words{"fleet-keys", Section::fleet,
                                 "The key file was read, at the start or with a reload.", ""};
    static constexpr auto fields = std::tuple{field("keys", &E::keys), field("sealing", &E::sealing)};
};

template <>
struct About<FleetCompared> : At<Level::info> {
    using E = FleetCompared;
    static constexpr Words words{
        "fleet-compared", Section::fleet,
        "What this host knows was compared with what the engine has: newer policies were taken, missing and "
        "older ones pushed.",
        ""};
    static constexpr auto fields =
        std::tuple{field("compared", &E::compared), field("newer", &E::newer), field("pushed", &E::pushed),
                   field("unreadable", &E::unreadable), field("detail", &E::detail, Show::unless_empty)};
};

template <>
struct About<FleetValueRefused> : At<Level::warning> {
    using E = FleetValueRefused;
    static constexpr Words words{
        "fleet-value-refused", Section::fleet,
        "A value of the shared cache was not taken. Nobody gets an answer from it; the policy is fetched "
        "instead.",
        "`bad-seal`, `garbage`, `too-large` and `other-domain`: somebody else writes to the engine, or the "
        "keys of "
        "two hosts have one id. `unknown-key`: the key file of this host lacks a key. `unknown-version`: "
        "another host runs a newer program. `from-future`: one of the two clocks is wrong."};
    static constexpr auto fields =
        std::tuple{field("key", &E::key), field("problem", &E::problem), field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{3600}, 16};
    static std::string key(const E& e) { return std::string(e.problem); }
};

} // namespace events
