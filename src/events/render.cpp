#include "events/render.hpp"

#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_fleet.hpp"
#include "events/about_mail.hpp"
#include "events/about_overrides.hpp"

#include <concepts>

namespace events {

namespace {

using Value = base::Field::Value;

Value shown(Text text) { return text; }
Value shown(base::Reason reason) { return to_string(reason); }
Value shown(sts::Mode mode) { return to_string(mode); }
Value shown(base::seconds duration) { return std::int64_t{duration.count()}; }
Value shown(base::Instant at) { return std::int64_t{at.time_since_epoch().count()}; }
Value shown(double number) { return number; }
template <std::integral I> // a bool is 1 or 0
Value shown(I number) {
    return static_cast<std::int64_t>(number);
}

/// True if there is nothing to show; for Show::unless_empty and Show::dash.
bool empty(Text text) { return text.empty(); }
template <class T>
bool empty(const std::optional<T>& value) {
    return !value.has_value();
}
template <class T>
bool empty(const T&) {
    return false;
}

template <class T>
Value value_of(const T& member) {
    return shown(member);
}
template <class T>
Value value_of(const std::optional<T>& member) {
    return member ? shown(*member) : Value{Text{"-"}};
}

template <class E>
Line line_of(const E& event) {
    static_assert(std::tuple_size_v<decltype(About<E>::fields)> <= Line::max_fields);
    Line line;
    line.level = About<E>::level(event);
    line.name = About<E>::words.name;
    for_each_field(event, [&line](std::string_view name, const auto& member, Show show) {
        if (show == Show::unless_empty && empty(member)) return;
        base::Field field;
        field.key = name;
        field.value = value_of(member);
        line.add(field);
    });
    return line;
}

} // namespace

Line render(const Event& event) {
    return std::visit([](const auto& e) { return line_of(e); }, event);
}

Line render(const Lookup& event) { return line_of(event); }

Text domain_of(const Event& event) noexcept {
    return std::visit(
        []<class E>(const E& e) {
            if constexpr (requires { e.domain; })
                return e.domain;
            else
                return Text{};
        },
        event);
}

base::Level level(const Lookup& event) noexcept { return About<Lookup>::level(event); }

base::Level level(const Event& event) noexcept {
    return std::visit([]<class E>(const E& e) { return About<E>::level(e); }, event);
}

} // namespace events
