#include "tool/cli/interrupts.hpp"
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/top_screen.hpp"

#include <CLI/CLI.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <ostream>
#include <stop_token>
#include <utility>

namespace tool {

namespace {

using base::Exit;
using Clock = std::chrono::steady_clock;

constexpr base::seconds shortest{1}, longest{3600};

std::string interval_problem(const std::string& text) {
    const auto length = parse_length(text);
    return length && *length >= shortest && *length <= longest ? "" : "from 1s to 1h, such as 5s";
}

ScreenSize terminal_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return {80, 24};
    return {size.ws_col, size.ws_row};
}

/// Returns early when it is stopped.
void rest_for(base::seconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    (void)wake.wait_for(lock, stop, time, [] { return false; });
}

class TopCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("-n,--count", count_, "Stop after so many screens")
            ->option_text("COUNT")
            ->check(CLI::Range(1U, 1'000'000'000U));
        app.add_option("--interval", interval_, "From one screen to the next (default: 2s)")
            ->option_text("TIME")
            ->check(interval_problem);
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        const base::seconds interval = parse_length(interval_).value_or(base::seconds{2});
        const Interrupts interrupts;
        const std::stop_token stop = interrupts.token();
        options->stop = stop;
        ControlClient client(*std::move(options));
        std::optional<Json> last;
        Clock::time_point last_at;
        for (unsigned shown = 0; !stop.stop_requested(); rest_for(interval, stop)) {
            auto reply = client.ask({.target = "/status.json"});
            const Clock::time_point at = Clock::now();
            if (stop.stop_requested()) break;
            if (!reply) return report(reply.error(), world);
            std::optional<Earlier> earlier;
            if (last)
                earlier.emplace(Earlier{*last, std::chrono::floor<std::chrono::milliseconds>(at - last_at)});
            show(*reply, earlier ? &*earlier : nullptr, shown > 0, world);
            if (!world.out || ++shown == count_) break;
            last = *std::move(reply);
            last_at = at;
        }
        return flushed(Exit::done, world);
    }

private:
    /// On a terminal in place of the one before. Nothing of the terminal is changed that would have to be put back.
    static void show(const Json& reply, const Earlier* earlier, bool again, World& world) {
        const Moment moment{world.now(), world.zone};
        if (!world.out_is_terminal) {
            world.out << (again ? "\n" : "") << top_screen(reply, earlier, moment, {}, false) << std::flush;
            return;
        }
        ScreenSize size = terminal_size();
        if (size.rows > 1) --size.rows; // for the cursor
        const std::string screen = top_screen(reply, earlier, moment, size, true);
        world.out << (again ? "" : "\x1b[2J") << "\x1b[H";
        for (const char c : screen) {
            if (c == '\n') world.out << "\x1b[K"; // what is left of a longer line
            world.out << c;
        }
        world.out << "\x1b[J" << std::flush;
    }

    unsigned count_ = 0; ///< 0: until it is stopped
    std::string interval_;
};

} // namespace

std::unique_ptr<Command> top_command() { return std::make_unique<TopCommand>(); }

} // namespace tool
