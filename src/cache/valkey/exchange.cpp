#include "cache/valkey/exchange.hpp"

#include <utility>

namespace valkey {

namespace asio = boost::asio;

namespace {

struct Course {
    explicit Course(const asio::any_io_executor& executor) : over(executor) {}
    void end(Answer what) {
        if (!answer) answer = std::move(what);
        over.notify();
    }
    base::Event over;
    std::optional<Answer> answer;
};

/// Closes it also if the coroutine is destroyed while it waits.
struct Closing {
    explicit Closing(std::shared_ptr<Connection> c) : connection(std::move(c)) {}
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    ~Closing() { connection->close(Failure{Trouble::stopping, "the exchange is over"}); }
    std::shared_ptr<Connection> connection;
};

} // namespace

asio::awaitable<Answer> exchange(asio::any_io_executor executor, Address address, Dialing dialing,
                                 Login login, LinkTuning tuning, Arguments command, std::size_t turn) {
    const base::Expected<std::string, Failure> octets = format(command);
    if (!octets) co_return base::unexpected(octets.error());
    const base::Steady deadline = steady_now() + dialing.limit;
    const auto course = std::make_shared<Course>(executor);
    const auto connection_of = std::make_shared<std::weak_ptr<Connection>>();
    Connection::Handlers handlers;
    handlers.ready = [course, connection_of, question = *octets, deadline] {
        const auto connection = connection_of->lock();
        if (!connection) return;
        const auto trouble = connection->command(question, deadline,
                                                 [course](Answer answer) { course->end(std::move(answer)); });
        if (trouble) course->end(base::unexpected(Failure{*trouble, "no question could be sent"}));
    };
    handlers.lost = [course](const Failure& failure) { course->end(base::unexpected(failure)); };
    const Closing closing(std::make_shared<Connection>(executor, std::move(handlers)));
    *connection_of = closing.connection;
    closing.connection->open(std::move(address), std::move(dialing), std::move(login), tuning, turn);
    while (!course->answer) {
        co_await course->over.wait();
    }
    co_return std::move(*course->answer);
}

} // namespace valkey
