#include "admin/session.hpp"

#include "admin/rights.hpp"
#include "base/event.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

namespace admin {

namespace asio = boost::asio;

namespace {

using Clock = std::chrono::steady_clock;

/// A stream that is being read. Lives until its last slice has come, also when nobody waits for it any more.
struct Source {
    Source(const asio::any_io_executor& executor, std::shared_ptr<Stream> from)
        : lines(std::move(from)), changed(executor) {}

    std::shared_ptr<Stream> lines;
    asio::cancellation_signal stop;
    base::Event changed; ///< one of the two below
    bool come = false;   ///< `slice`
    bool gone = false;   ///< the client
    std::optional<std::string> slice;
    std::exception_ptr thrown;
};

/// Asks for the next slice. Not while one is asked for.
void ask(const std::shared_ptr<Source>& source, const asio::any_io_executor& executor) {
    source->come = false;
    auto take = [source](std::exception_ptr thrown, std::optional<std::string> slice) {
        source->come = true;
        source->thrown = std::move(thrown);
        source->slice = std::move(slice);
        source->changed.notify();
    };
    asio::co_spawn(executor, source->lines->next(),
                   asio::bind_cancellation_slot(source->stop.slot(), std::move(take)));
}

Error too_slow(std::string what) { return {408, "timeout", std::move(what) + " did not come in time", {}}; }

/// The domain of a change, for the log: named by the path, or by the reply.
std::string domain_of(const Request& request, const Reply& reply) {
    if (const std::string_view named = request.parameter("domain"); !named.empty()) return std::string(named);
    if (!reply.body.is_object()) return {};
    const auto found = reply.body.find("domain");
    return found != reply.body.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

/// The body of a request.
class Session::Pieces final : public Body {
public:
    Pieces(Session& of, bool limited, bool expects_continue)
        : of_(of), limited_(limited), untold_(expects_continue) {}

    asio::awaitable<base::Expected<std::optional<std::string>, Error>> next() override {
        for (;;) {
            auto piece = of_.reader_.body();
            if (!piece) co_return base::unexpected(broken(std::move(piece.error())));
            taken_ += piece->size();
            if (limited_ && taken_ > max_body) co_return base::unexpected(broken(too_large()));
            if (!piece->empty()) co_return std::optional<std::string>(*std::move(piece));
            if (of_.reader_.complete()) co_return std::optional<std::string>();
            if (std::exchange(untold_, false)) {
                std::string octets(go_on);
                const bool told = co_await of_.write(std::move(octets));
                if (!told) co_return base::unexpected(broken(cut_off()));
            }
            const auto come = co_await of_.fill(of_.patience().piece);
            if (!come && come.error() == End::timeout)
                co_return base::unexpected(broken(too_slow("a piece of the body")));
            if (!come) co_return base::unexpected(broken(cut_off()));
        }
    }

private:
    Error broken(Error error) {
        of_.broken_ = true;
        return error;
    }
    static Error cut_off() { return {400, "bad-request", "the connection ended within the body", {}}; }

    Session& of_;
    std::size_t taken_ = 0;
    bool limited_, untold_;
};

Session::Session(std::shared_ptr<Site> site, Connection::Socket socket, Entrance entrance, Peer peer)
    : site_(std::move(site)), connection_(std::make_shared<Connection>(std::move(socket))),
      entrance_(entrance), peer_(peer) {}

void Session::stop() noexcept {
    stopping_ = true;
    if (waiting_) connection_->close();
}

asio::awaitable<void> Session::run(std::shared_ptr<Session> self) {
    for (bool again = true; again && !self->stopping_;) {
        auto head = co_await self->read_head();
        self->first_ = false;
        again = false;
        if (!head) {
            self->broken_ = true;
            ReplyHead reply{.status = head.error().status};
            std::string words = line_of(head.error());
            again = co_await self->send(std::move(reply), std::move(words), false);
        } else if (*head) {
            Head request = **std::move(head);
            again = co_await self->serve(std::move(request));
        }
    }
    co_await self->linger();
}

asio::awaitable<void> Session::refuse(std::shared_ptr<Session> self) {
    // Until the request is here: a connection that is closed before would lose the reply.
    co_await self->fill(self->patience().linger);
    self->broken_ = true;
    const std::size_t all = self->entrance_ == Entrance::web ? max_web_connections : max_connections;
    const Error error{
        503, "unavailable", "all " + std::to_string(all) + " connections are in use; try again later", {}};
    ReplyHead reply{.status = error.status};
    std::string words = line_of(error);
    co_await self->send(std::move(reply), std::move(words), false);
    co_await self->linger();
}

asio::awaitable<base::Expected<void, End>> Session::fill(Connection::Time limit) {
    const std::span<char> to(buffer_.data(), std::min(buffer_.size(), reader_.room()));
    waits_since_ = Clock::now();
    const auto count = co_await connection_->read(to, limit);
    waits_since_.reset();
    if (!count) co_return base::unexpected(count.error());
    reader_.feed({buffer_.data(), *count});
    co_return base::Expected<void, End>{};
}

/// The next request; nothing when there is none.
asio::awaitable<base::Expected<std::optional<Head>, Error>> Session::read_head() {
    const admin::Patience& allowed = patience();
    const Clock::time_point asked = Clock::now();
    std::optional<Clock::time_point> until; // the head has begun
    for (;;) {
        auto head = reader_.head();
        if (!head || *head) co_return head;
        const Clock::time_point now = Clock::now();
        // On a new connection the head's time begins at once.
        if (reader_.begun() && !until) until = (first_ ? asked : now) + allowed.head;
        const Clock::time_point limit = until ? *until : asked + (first_ ? allowed.head : allowed.idle);
        waiting_ = true;
        const Connection::Time patience = std::max(limit - now, Connection::Time::zero());
        const auto come = co_await fill(patience);
        waiting_ = false;
        if (come) continue;
        if (come.error() == End::timeout && reader_.begun())
            co_return base::unexpected(too_slow("the request's head"));
        co_return std::optional<Head>();
    }
}

bool Session::finish_request() {
    if (broken_) return false;
    const auto rest = reader_.body();
    if (!rest || !reader_.complete()) {
        broken_ = true;
        return false;
    }
    reader_.next();
    return true;
}

/// False: the connection has to be closed.
asio::awaitable<bool> Session::serve(Head head) {
    const bool only_head = head.method == "HEAD";
    auto matched = match(head, entrance_, site_->hosts);
    ReplyHead reply;
    reply.close = head.close;
    if (!matched) {
        if (!matched.error().host.empty())
            site_->events.emit(events::WebHostRefused{.host = matched.error().host});
        reply.status = matched.error().error.status;
        reply.allow = std::move(matched.error().allow);
        std::string words = line_of(matched.error().error);
        const bool sent = co_await send(std::move(reply), std::move(words), only_head);
        co_return sent;
    }
    Match match = *std::move(matched);
    Outcome outcome = co_await handle(std::move(match), head.expects_continue);
    if (outcome && outcome->document) {
        reply.status = outcome->status;
        reply.media_type = std::move(outcome->document->media_type);
        std::string text = std::move(outcome->document->text);
        const bool sent = co_await send(std::move(reply), std::move(text), only_head);
        co_return sent;
    }
    if (outcome && outcome->lines) {
        std::shared_ptr<Stream> lines = std::move(outcome->lines);
        const bool sent = co_await send_lines(std::move(lines), head.close);
        co_return sent;
    }
    reply.status = outcome ? outcome->status : outcome.error().status;
    if (!outcome) reply.retry_after = outcome.error().retry_after;
    std::string words = outcome ? line_of(std::move(outcome->body)) : line_of(outcome.error());
    const bool sent = co_await send(std::move(reply), std::move(words), only_head);
    co_return sent;
}

asio::awaitable<Session::Outcome> Session::handle(Match match, bool expects_continue) {
    const Route& route = *match.route;
    const std::string_view operation = to_string(route.operation);
    if (!may(route.right, peer_.uid, site_->own, site_->overflow)) {
        site_->events.emit(events::ControlRefused{.operation = operation, .uid = peer_.uid, .by = match.by});
        co_return base::unexpected(Error{
            403, "no-permission", "only root and the user that runs the daemon may change anything", {}});
    }
    const Handler& handler = site_->handlers[index(route.operation)];
    if (!handler)
        co_return base::unexpected(Error{404, "not-found", "this daemon does not have this operation", {}});
    Pieces body(*this, !long_body(route.operation), expects_continue);
    const Request request{std::move(match.parameters), peer_, entrance_, std::move(match.by), &body};
    const bool in_turn = entrance_ == Entrance::web && takes_work(route.operation);
    std::optional<Turns::Held> held;
    if (in_turn) {
        co_await site_->turns.take();
        held.emplace(site_->turns);
    }
    auto work = call(handler, request);
    Outcome outcome = co_await std::move(work);
    held.reset();
    if (outcome && route.right == Right::change)
        site_->events.emit(events::ControlChange{.operation = operation,
                                                 .domain = domain_of(request, *outcome),
                                                 .uid = peer_.uid,
                                                 .by = request.by});
    co_return outcome;
}

/// What a handler throws is a failure of this request.
asio::awaitable<Session::Outcome> Session::call(const Handler& handler, const Request& request) {
    std::string fault;
    try {
        auto work = handler(request);
        Outcome outcome = co_await std::move(work);
        co_return outcome;
    } catch (const std::bad_alloc&) {
        fault = "there is not enough memory";
    } catch (const std::exception& thrown) {
        fault = thrown.what();
    }
    broken_ = true;
    co_return base::unexpected(Error{500, "failed", std::move(fault), {}});
}

asio::awaitable<bool> Session::write(std::string octets) {
    for (std::string_view rest = octets; !rest.empty();) {
        const std::string_view piece = rest.substr(0, max_piece);
        waits_since_ = Clock::now();
        const auto written = co_await connection_->write(piece, patience().piece);
        waits_since_.reset();
        if (!written) co_return false;
        rest.remove_prefix(piece.size());
    }
    co_return true;
}

/// False: the connection has to be closed.
asio::awaitable<bool> Session::send(ReplyHead head, std::string text, bool only_head) {
    door().counts.replies.of(class_of(head.status)).add();
    head.close = !finish_request() || head.close || stopping_;
    head.length = text.size();
    head.content_policy = door().content_policy;
    std::string octets = to_octets(head, site_->clock.now());
    if (!only_head) octets += text;
    const bool written = co_await write(std::move(octets));
    co_return written && !head.close;
}

/// False: the connection has to be closed.
asio::awaitable<bool> Session::send_lines(std::shared_ptr<Stream> lines, bool close) {
    door().counts.replies.of(StatusClass::good).add();
    ReplyHead head;
    head.close = !finish_request() || close;
    head.content_policy = door().content_policy;
    const asio::any_io_executor executor = connection_->executor();
    const auto source = std::make_shared<Source>(executor, std::move(lines));
    connection_->watch([source] {
        source->gone = true;
        source->stop.emit(asio::cancellation_type::terminal);
        source->changed.notify();
    });
    waiting_ = true;
    if (stopping_) connection_->close();
    std::string octets = to_octets(head, site_->clock.now());
    bool good = co_await write(std::move(octets));
    while (good) {
        ask(source, executor);
        while (!source->come && !source->gone) {
            co_await source->changed.wait();
        }
        good = source->come && !source->thrown && !source->gone;
        if (!good) break;
        const bool last = !source->slice;
        if (!last && source->slice->empty()) continue;
        std::string piece = last ? std::string(last_chunk) : chunk(*source->slice);
        good = co_await write(std::move(piece));
        if (last) break;
    }
    connection_->unwatch();
    waiting_ = false;
    if (!good) broken_ = true;
    co_return good && !head.close;
}

/// A socket that is closed with octets unread loses what was written last: reads a little more.
asio::awaitable<void> Session::linger() {
    waiting_ = true;
    waits_since_ = Clock::now();
    connection_->shut();
    const Clock::time_point until = Clock::now() + patience().linger;
    for (bool open = true; open;) {
        const Connection::Time patience = until - Clock::now();
        if (patience <= Connection::Time::zero()) break;
        const auto count = co_await connection_->read(buffer_, patience);
        open = count.has_value();
    }
    connection_->close();
}

} // namespace admin
