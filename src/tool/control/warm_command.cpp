#include "tool/cli/input.hpp"
#include "tool/cli/interrupts.hpp"
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/warming.hpp"
#include "tool/show/safe_text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <thread>

namespace tool {

namespace {

using base::Exit;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// So many look-ups at once: of these a few may wait for hosts that do not answer, and the rate is still reached.
constexpr std::size_t workers = 16;
/// How often the progress is shown: where it stands in one line, and where each is one more.
constexpr auto on_terminal = 500ms, elsewhere = 10'000ms;
constexpr auto busy_pause = 1s; ///< after the daemon said that it has no room

/// The work, shared by the workers: all members under the mutex.
struct Work {
    Work(std::vector<std::string> list, Pace at) : names(std::move(list)), pace(at) {
        warmed.all = names.size();
    }
    std::vector<std::string> names;
    std::size_t next = 0;
    Pace pace;
    Warmed warmed;
    std::size_t working = 0;
    std::optional<ControlError> broken; ///< the daemon cannot be asked any more
    std::mutex mutex;
    std::condition_variable_any changed;
};

struct Print {
    World& world;
    bool json;
    void one(const std::string& name, const Json& reply, Learnt learnt) const {
        if (json)
            print_line(reply, world);
        else if (learnt == Learnt::failing)
            line(name, text_of(reply, "reason"));
    }
    void refused(const std::string& name, const ControlError& error) const {
        if (json)
            print_line(Json{{"schema", control_schema},
                            {"domain", safe_text(name, 300)},
                            {"error", {{"code", error.code}, {"words", error.words}}}},
                       world);
        else
            line(name, error.words);
    }
    void line(const std::string& name, std::string_view words) const {
        clear();
        world.out << safe_text(name, 260) << ": " << safe_text(words, 300) << '\n';
    }
    /// Makes room where the progress line stands.
    void clear() const {
        if (world.err_is_terminal) world.err << '\r' << std::string(79, ' ') << '\r' << std::flush;
    }
};

/// Asks for one domain after the other.
void work(Work& all, const ControlOptions& options, const Print& print) {
    ControlClient client(options);
    std::unique_lock lock(all.mutex);
    while (!all.broken && !options.stop.stop_requested() && all.next < all.names.size()) {
        if (const auto pause = all.pace.take(Clock::now())) {
            all.changed.wait_for(lock, options.stop, *pause, [] { return false; });
            continue;
        }
        const std::string name = all.names[all.next++];
        lock.unlock();
        auto reply = client.ask({"POST", domain_target(name, "learn")});
        for (; !reply && reply.error().code == "unavailable";
             reply = client.ask({"POST", domain_target(name, "learn")})) {
            lock.lock();
            all.changed.wait_for(lock, options.stop, busy_pause, [] { return false; });
            const bool enough = all.broken || options.stop.stop_requested();
            lock.unlock();
            if (enough) break;
        }
        lock.lock();
        if (reply) {
            const Learnt learnt = judge_learnt(*reply);
            if (learnt == Learnt::known) all.pace.give_back();
            all.warmed.count(learnt);
            print.one(name, *reply, learnt);
        } else if (reply.error().code == "bad-request") {
            all.pace.give_back();
            all.warmed.count(Learnt::refused);
            print.refused(name, reply.error());
        } else if (reply.error().kind != ControlError::Kind::stopped && !all.broken) {
            all.broken = reply.error();
        }
        all.changed.notify_all();
    }
    --all.working;
    all.changed.notify_all();
}

class WarmCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("file", file_, "Domains, one a line; none or -: standard input")
            ->option_text("[FILE|-]");
        app.add_option("--rate", rate_, "At most so many look-ups a second (default: 10)")
            ->option_text("NUMBER")
            ->check(CLI::Range(0.01, 1000.0));
        app.add_flag("--json", json_, "Print one JSON object a line");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        Input input(file_, world.in);
        if (!input.problem().empty()) {
            world.err << "stsmap: " << input.problem() << '\n';
            return Exit::trouble;
        }
        const auto began = Clock::now();
        Work all(read_names(input.stream()), Pace(rate_, began));
        const Interrupts interrupts; // not before the list has been read: until then SIGINT ends the process
        options->stop = interrupts.token();
        const Print print{world, json_};
        const std::size_t count = std::min(workers, all.names.size());
        all.working = count;
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&] { work(all, *options, print); });
            watch(all, world, print);
        }
        return finish(all, world, std::chrono::round<base::seconds>(Clock::now() - began));
    }

private:
    /// Shows the progress until the workers are done.
    static void watch(Work& all, World& world, const Print& print) {
        Progress progress(world.err_is_terminal ? on_terminal : elsewhere, Clock::now());
        std::unique_lock lock(all.mutex);
        while (all.working > 0) {
            all.changed.wait_until(lock, progress.next(), [&] { return all.working == 0; });
            const std::string text = all.working > 0 ? progress.due(all.warmed, Clock::now()) : "";
            if (text.empty()) continue;
            print.clear();
            world.err << (world.err_is_terminal ? "" : "stsmap: ") << text
                      << (world.err_is_terminal ? "" : "\n") << std::flush;
        }
        print.clear();
    }

    Exit finish(const Work& all, World& world, base::seconds took) const {
        if (json_)
            print_line(warmed_json(all.warmed, took), world);
        else
            world.out << warmed_text(all.warmed, took);
        if (all.broken) return report(*all.broken, world);
        const bool whole = all.warmed.asked() == all.warmed.all && all.warmed.refused == 0;
        return flushed(whole ? Exit::done : Exit::trouble, world);
    }

    std::string file_;
    double rate_ = 10;
    bool json_ = false;
};

} // namespace

std::unique_ptr<Command> warm_command() { return std::make_unique<WarmCommand>(); }

} // namespace tool
