// events/render.hpp - an event as a log line: level, name and fields. The only code that makes fields. Pure.
#pragma once

#include "base/log_port.hpp"
#include "events/event.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace events {

/// Refers to the texts of the event, which must outlive it.
class Line {
public:
    static constexpr std::size_t max_fields = 10;

    base::Level level{};
    std::string_view name;
    [[nodiscard]] std::span<const base::Field> fields() const noexcept { return {fields_.data(), size_}; }
    void add(const base::Field& field) { fields_.at(size_++) = field; }

private:
    std::array<base::Field, max_fields> fields_{};
    std::size_t size_ = 0;
};

[[nodiscard]] Line render(const Event& event);
[[nodiscard]] Line render(const Lookup& event);

/// The policy domain that the event is about; "": it is about none.
[[nodiscard]] Text domain_of(const Event& event) noexcept;

/// Only the level of the line.
[[nodiscard]] base::Level level(const Event& event) noexcept;
[[nodiscard]] base::Level level(const Lookup& event) noexcept;

} // namespace events
