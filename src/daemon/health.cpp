#include "daemon/health.hpp"

#include "admin/connection.hpp"
#include "base/event.hpp"
#include "base/net/descriptor.hpp"
#include "postfix/netstring.hpp"
#include "postfix/request.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace app {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// One question to each answering thread.
struct Health::Round {
    Round(asio::any_io_executor executor_of, std::size_t fronts, Clock::time_point end)
        : executor(std::move(executor_of)), found(fronts), full(fronts), missing(fronts), until(end) {}

    /// What became of the question to one thread: "" it went well. The first result counts.
    void set(std::size_t front, std::string words) {
        if (found.at(front)) return;
        found[front] = std::move(words);
        --missing;
        if (over()) wake();
    }
    /// Why there is no result when the time is over.
    [[nodiscard]] std::string late(std::size_t front, std::string_view otherwise) const {
        return full[front] ? "as many clients as there may be are connected, and all are busy"
                           : std::string{otherwise} + " within " + limit_text;
    }
    [[nodiscard]] bool over() const noexcept { return missing == 0 || Clock::now() >= until; }
    void wake() {
        for (const auto& one : waiters) one->notify();
        waiters.clear();
    }

    asio::any_io_executor executor;
    std::vector<std::optional<std::string>> found;
    std::vector<bool> full; ///< when last tried, there was no room for the question
    std::size_t missing;
    Clock::time_point until;
    std::vector<std::shared_ptr<base::Event>> waiters;
    std::string text;       ///< of the notes when the round began
    std::string limit_text; ///< how long it may take
};

namespace {

/// From one try to the next while there is no room for a question.
constexpr std::chrono::milliseconds pause{100};

std::string question() { return postfix::frame(std::string(postfix::status_map) + " version"); }

std::string seconds_of(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s"
                                    : std::to_string(time.count()) + " ms";
}

} // namespace

Health::Health(Parts parts) : parts_(std::move(parts)) {}

asio::awaitable<Health::Outcome> Health::healthy() {
    auto work = join(healthy_);
    Outcome outcome = co_await std::move(work);
    co_return outcome;
}

asio::awaitable<Health::Outcome> Health::ready() {
    auto work = join(ready_);
    Outcome outcome = co_await std::move(work);
    co_return outcome;
}

/// Waits for the end of the round that is under way, or of a new one.
asio::awaitable<Health::Outcome> Health::join(Kind& kind) {
    if (!kind.round || kind.round->over()) kind.round = begin(kind);
    const std::shared_ptr<Round> round = kind.round;
    while (!round->over()) {
        const auto event = std::make_shared<base::Event>(parts_.executor);
        round->waiters.push_back(event);
        co_await event->wait_until(round->until);
    }
    std::string wrong;
    for (std::size_t i = 0; i < round->found.size(); ++i) {
        const std::string words = round->found[i] ? *round->found[i] : round->late(i, "nothing came");
        if (!words.empty()) wrong += "thread " + std::to_string(i + 1) + ": " + words + '\n';
    }
    admin::Reply reply;
    reply.status = wrong.empty() ? 200 : 503;
    std::string text = wrong.empty() ? (kind.with_question ? "ready\n" : "healthy\n")
                                     : (kind.with_question ? "not ready\n" : "not healthy\n");
    text += wrong + round->text;
    reply.document = admin::Document{"text/plain; charset=utf-8", std::move(text)};
    co_return reply;
}

std::shared_ptr<Health::Round> Health::begin(Kind& kind) {
    const std::vector<Front> fronts = parts_.fronts();
    while (kind.asked.size() < fronts.size()) kind.asked.push_back(std::make_shared<Asked>());
    const auto round = std::make_shared<Round>(parts_.executor, fronts.size(), Clock::now() + parts_.limit);
    round->limit_text = seconds_of(parts_.limit);
    for (const std::string& note : parts_.notes()) round->text += "note: " + note + '\n';
    for (std::size_t i = 0; i < fronts.size(); ++i) {
        const std::shared_ptr<Asked>& asked = kind.asked[i];
        if (!asked->taken()) { // a thread that hangs does not collect questions, each with a descriptor
            round->set(i, "it has not done what it was asked to before");
            continue;
        }
        std::array<int, 2> ends{-1, -1};
        if (kind.with_question &&
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
            round->set(i, "no file descriptors are left for a question");
            continue;
        }
        const auto theirs = std::make_shared<net::Descriptor>(ends[1]);
        const auto ours = std::make_shared<net::Descriptor>(ends[0]);
        if (kind.with_question)
            asio::co_spawn(parts_.executor, ask(round, i, ours), [](std::exception_ptr) {});
        offer(round, i, fronts[i], asked, theirs);
    }
    return round;
}

/// Posts to a thread, again when there is no room for its end of the connection (`theirs`; without one there is no
/// question).
void Health::offer(const std::shared_ptr<Round>& round, std::size_t at, Front front,
                   const std::shared_ptr<Asked>& asked, const std::shared_ptr<net::Descriptor>& theirs) {
    // Each step may find no memory. The thread loses the call then, and with it the token.
    auto token = std::make_shared<char>();
    asked->pending = token;
    front.loop.post(
        [executor = round->executor, round, at, front, asked, theirs, token = std::move(token)]() mutable {
            token.reset(); // before anything that ends the connection, and with it the round
            const bool asks = static_cast<bool>(*theirs);
            const bool room = !asks || front.server.take(*theirs);
            asio::post(executor, [round, at, front, asked, theirs, asks, room] {
                if (!asks) return round->set(at, "");
                round->full[at] = !room;
                if (room || round->found[at]) return;
                if (Clock::now() + pause >= round->until) return round->set(at, round->late(at, ""));
                const auto again = std::make_shared<asio::steady_timer>(round->executor, pause);
                again->async_wait([round, at, front, asked, theirs, again](boost::system::error_code error) {
                    if (!error) offer(round, at, front, asked, theirs);
                });
            });
        });
}

/// Sends the question and waits for a reply.
asio::awaitable<void> Health::ask(std::shared_ptr<Round> round, std::size_t front,
                                  std::shared_ptr<net::Descriptor> owned) {
    admin::Connection::Socket socket(round->executor);
    boost::system::error_code error;
    socket.assign({AF_UNIX, 0}, owned->get(), error);
    if (error) {
        round->set(front, "it could not be asked: " + error.message());
        co_return;
    }
    (void)owned->release();
    const auto connection = std::make_shared<admin::Connection>(std::move(socket));
    const auto left = [&round] { return std::max(round->until - Clock::now(), Clock::duration::zero()); };
    const std::string octets = question();
    const Clock::duration to_write = left();
    const auto written = co_await connection->write(octets, to_write);
    postfix::NetstringReader reader(1000);
    std::array<char, 512> buffer{};
    bool open = written.has_value();
    while (open) {
        const Clock::duration to_read = left();
        const auto count = co_await connection->read(buffer, to_read);
        open = count.has_value();
        if (!open) break;
        reader.feed({buffer.data(), *count});
        const auto frame = reader.next();
        if (!frame) continue;
        const bool good = frame->has_value() && (*frame)->starts_with("OK ");
        round->set(front, good ? "" : "its answer was none");
        connection->close();
        co_return;
    }
    connection->close();
    round->set(front, round->over() ? round->late(front, "no answer") : "it closed the connection");
}

} // namespace app
