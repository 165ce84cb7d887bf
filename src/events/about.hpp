// events/about.hpp - how an entry of the table is written. For the files of events/ alone.
#pragma once

#include "events/table.hpp"

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace events {

using base::Level;

/// When a member is a field of the line: always, or only when it is not empty; or "-" stands for nothing.
enum class Show : std::uint8_t { always, unless_empty, dash };

template <class E, class T>
struct Member {
    std::string_view name;
    T E::*at;
    Show show;
};
template <class E, class T>
constexpr Member<E, T> field(std::string_view name, T E::*at, Show show = Show::always) {
    return {name, at, show};
}

struct Words {
    std::string_view name;
    Section section{};
    std::string_view meaning, advice;
};

/// One specialization an event: words, fields in the order of the line, levels and level(); hidden: members
/// that are no fields; where lines would repeat themselves, limit and key(); of events about a domain with a
/// policy, remember().
template <class E>
struct About;

/// An event that has one level.
template <Level L>
struct At {
    static constexpr std::string_view levels = L == Level::debug     ? "debug"
                                               : L == Level::info    ? "info"
                                               : L == Level::warning ? "warning"
                                                                     : "error";
    template <class E>
    static constexpr Level level(const E&) noexcept {
        return L;
    }
};

/// At most one line a window, level and key; further ones are counted, and the next has the number.
struct Limit {
    base::seconds window{};
    std::size_t keys = 1; ///< remembered, some 200 octets each
};

/// Is it part of a domain's history (events/history.hpp)?
enum class Remember : std::uint8_t {
    no,
    yes,
    among_others, ///< only of a domain of which something else is remembered
};

/// Calls `take(name, member, show)` for each field of the line, in order.
template <class E, class Take>
void for_each_field(const E& event, const Take& take) {
    std::apply([&](const auto&... m) { (take(m.name, event.*(m.at), m.show), ...); }, About<E>::fields);
}

} // namespace events
