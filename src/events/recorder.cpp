#include "events/recorder.hpp"

#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_mail.hpp"

#include <array>
#include <utility>

namespace events {

namespace {

template <class E>
constexpr bool is_limited = requires {
    About<E>::limit;
};

template <std::size_t... I>
consteval std::array<bool, kinds> limited_kinds(std::index_sequence<I...>) {
    return {is_limited<std::variant_alternative_t<I, Event>>...};
}
constexpr std::array<bool, kinds> limited = limited_kinds(std::make_index_sequence<kinds>());

} // namespace

Recorder::Recorder(Sink& log, const base::Clock& clock, History* history)
    : log_(log), clock_(clock), history_(history) {
    const auto add = [this]<class E>(std::type_identity<E>) {
        if constexpr (is_limited<E>)
            limits_.emplace(id_of<E>(), base::Repeats{About<E>::limit.window, About<E>::limit.keys});
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (add(std::type_identity<std::variant_alternative_t<I, Event>>{}), ...);
    }
    (std::make_index_sequence<kinds>());
}

void Recorder::emit(const Event& event) {
    counts_.add(id(event));
    if (history_ != nullptr) history_->note(event, clock_.now());
    if (limited[event.index()])
        emit_limited(event);
    else
        log_.emit(event);
}

void Recorder::emit_limited(const Event& event) {
    std::visit(
        [&]<class E>(const E& e) {
            if constexpr (is_limited<E>) {
                const auto allowed = limits_.at(id_of<E>()).allow(About<E>::key(e), clock_.steady());
                if (!allowed.write) return;
                E written = e;
                if constexpr (requires { written.repeated; }) written.repeated = allowed.suppressed_since;
                log_.emit(written);
            }
        },
        event);
}

} // namespace events
