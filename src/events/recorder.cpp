#include "events/recorder.hpp"

#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_fleet.hpp"
#include "events/about_mail.hpp"
#include "events/about_overrides.hpp"
#include "events/render.hpp"

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

Recorder::Recorder(Sink& log, const base::Clock& clock, History* history, Tap* tap)
    : log_(log), clock_(clock), history_(history), tap_(tap) {}

void Recorder::emit(const Event& event) {
    counts_.add(id(event));
    if (history_ != nullptr) history_->note(event, clock_.now());
    if (watched() && (level(event) != base::Level::debug || log_.wants(base::Level::debug)))
        tap_->note(event, clock_.now());
    if (limited[event.index()])
        emit_limited(event);
    else
        log_.emit(event);
}

void Recorder::emit_limited(const Event& event) {
    std::visit(
        [&]<class E>(const E& e) {
            if constexpr (is_limited<E>) {
                constexpr Limit limit = About<E>::limit;
                const auto [repeats, is_new] =
                    limits_.try_emplace({id_of<E>(), About<E>::level(e)}, limit.window, limit.keys);
                const auto allowed = repeats->second.allow(About<E>::key(e), clock_.steady());
                if (!allowed.write) return;
                E written = e;
                if constexpr (requires { written.repeated; }) written.repeated = allowed.suppressed_since;
                log_.emit(written);
            }
        },
        event);
}

} // namespace events
