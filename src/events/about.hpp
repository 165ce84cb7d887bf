// events/about.hpp - how an entry of the table is written. Only for the files of events/.
#pragma once

#include "events/table.hpp"

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace events {

using base::Level;

/// When a member is a field of the line: always; only when it is not empty; or always, with "-" when empty.
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

/// One specialization for each event. It has words, the fields in the order of the line, levels and level();
/// hidden: the members that are not fields; limit and key() if the line could repeat; remember() if the event
/// is about a domain with a policy.
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

/// At most one line for each window, level and key. Further ones are counted; the next line has the number.
struct Limit {
    base::seconds window{};
    std::size_t keys = 1; ///< how many are remembered, some 200 octets each
};

/// Is it part of a domain's history (events/history.hpp)?
enum class Remember : std::uint8_t {
    no,
    yes,
    among_others, ///< only if another event of the domain is remembered
};

/// Calls `take(name, member, show)` for each field of the line, in order.
template <class E, class Take>
void for_each_field(const E& event, const Take& take) {
    std::apply([&](const auto&... m) { (take(m.name, event.*(m.at), m.show), ...); }, About<E>::fields);
}

} // namespace events
