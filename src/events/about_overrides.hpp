// events/about_overrides.hpp - the table's entries on overrides and observing. For the files of events/.
#pragma once

#include "events/about.hpp"

namespace events {

/// One line in an hour for each domain whose answer an override weakens; each is remembered as a keyed hash.
inline constexpr std::size_t max_weakened = 10'000;

template <>
struct About<OverrideAdded> {
    using E = OverrideAdded;
    static constexpr std::string_view levels =
        "info; warning when it may give less than DANE or an enforced policy would";
    static constexpr Level level(const E& e) noexcept {
        return e.weakens == "yes" ? Level::warning : Level::info;
    }
    static constexpr Words words{"override-added", Section::overrides,
                                 "An override was added at run time, or has replaced another one.",
                                 "See `stsmap override list`."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain),   field("action", &E::action),
                   field("weakens", &E::weakens), field("until", &E::until),
                   field("by", &E::by),           field("hides", &E::hides, Show::unless_empty),
                   field("note", &E::note)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<OverrideRemoved> {
    using E = OverrideRemoved;
    static constexpr std::string_view levels =
        "info; warning when it may give less than DANE or an enforced policy would";
    static constexpr Level level(const E& e) noexcept {
        return e.weakens == "yes" ? Level::warning : Level::info;
    }
    static constexpr Words words{"override-removed", Section::overrides,
                                 "An override that was added at run time was removed before its end.",
                                 "Mail may wait again that flowed because of it."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("action", &E::action),
                                              field("weakens", &E::weakens), field("by", &E::by)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<OverrideExpired> {
    using E = OverrideExpired;
    static constexpr std::string_view levels =
        "info; warning when it may give less than DANE or an enforced policy would";
    static constexpr Level level(const E& e) noexcept {
        return e.weakens == "yes" ? Level::warning : Level::info;
    }
    static constexpr Words words{"override-expired", Section::overrides, "An override has ended.",
                                 "Mail may wait again that flowed because of it: `stsmap explain` says so."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("action", &E::action), field("weakens", &E::weakens),
                   field("source", &E::source), field("note", &E::note)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<OverrideWeakens> : At<Level::warning> {
    using E = OverrideWeakens;
    static constexpr Words words{
        "override-weakens", Section::overrides,
        "An answer gave less protection than DANE or the enforced policy would, because an override says so. "
        "At "
        "most one line an hour and domain.",
        "Is the override still needed? `stsmap override list` says as much as can be known."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("override", &E::entry), field("answer", &E::answer),
                   field("would", &E::would), field("repeated", &E::repeated)};
    static constexpr Limit limit{std::chrono::hours{1}, max_weakened};
    static constexpr Text key(const E& e) noexcept { return e.domain; }
};

template <>
struct About<OverridesInUse> {
    using E = OverridesInUse;
    static constexpr std::string_view levels =
        "info; warning when some may give less than DANE or an enforced policy would";
    static constexpr Level level(const E& e) noexcept {
        return e.weakening > 0 ? Level::warning : Level::info;
    }
    static constexpr Words words{
        "overrides", Section::overrides,
        "How many overrides are in use, at the start and after a reload, when there are any. The domains are "
        "the "
        "first of those that may give less protection.",
        "See `stsmap override list`; those of the configuration stand in stsmapd.toml."};
    static constexpr auto fields =
        std::tuple{field("configured", &E::configured), field("run_time", &E::run_time),
                   field("weakening", &E::weakening), field("domains", &E::domains, Show::unless_empty)};
};

template <>
struct About<Observing> : At<Level::warning> {
    using E = Observing;
    static constexpr Words words{"observing", Section::overrides,
                                 "The daemon only observes: everything is looked up, Postfix gets NOTFOUND, "
                                 "and no mail is protected. Once at "
                                 "the start, and after a reload.",
                                 "See `stsmap observed`; `mode = \"enforce\"` and a reload end it."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

} // namespace events
