// tests/support/memory_log.hpp - a sink that keeps the lines of all events, as "level event key=value ...",
// for tests to look at.
#pragma once

#include "events/render.hpp"
#include "events/sink.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace test {

class MemoryLog final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level) const noexcept override { return true; }
    void count(events::Id) noexcept override {}

    void emit(const events::Event& event) override {
        const events::Line made = events::render(event);
        static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
        std::string line{names[static_cast<int>(made.level)]};
        line.append(" ").append(made.name);
        for (const base::Field& f : made.fields()) {
            line.append(" ").append(f.key).append("=");
            if (auto* s = std::get_if<std::string_view>(&f.value))
                line.append(*s);
            else if (auto* i = std::get_if<std::int64_t>(&f.value))
                line.append(std::to_string(*i));
            else
                line.append(std::to_string(std::get<double>(f.value)));
        }
        std::lock_guard lock{mutex_};
        lines_.push_back(std::move(line));
    }

    [[nodiscard]] std::vector<std::string> lines() const {
        std::lock_guard lock{mutex_};
        return lines_;
    }

    void clear() {
        std::lock_guard lock{mutex_};
        lines_.clear();
    }

    /// How many lines contain `part`.
    [[nodiscard]] std::size_t count(std::string_view part) const {
        std::size_t n = 0;
        for (const std::string& line : lines()) n += line.find(part) != std::string::npos;
        return n;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

} // namespace test
