#include "support/dns_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <optional>

namespace test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::optional<dns::Question> read_question(const Bytes& query) {
    if (query.size() < 12) return std::nullopt;
    dns::Question out;
    out.id = static_cast<std::uint16_t>(query[0] << 8 | query[1]);
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
        const std::size_t end = at + 1 + query[at];
        if (end > query.size()) return std::nullopt;
        if (!out.name.empty()) out.name += '.';
        out.name.append(query.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                        query.begin() + static_cast<std::ptrdiff_t>(end));
        at = end;
    }
    if (at + 5 > query.size()) return std::nullopt;
    out.type = static_cast<dns::Type>(query[at + 1] << 8 | query[at + 2]);
    return out;
}

} // namespace

struct DnsServer::State {
    explicit State(asio::io_context& c) : context(c), datagrams(c), elsewhere(c), acceptor(c) {}

    /// One port for both: the kernel picks it for TCP, and UDP takes the same; another is tried when that one
    /// is taken.
    void listen(const asio::ip::address& address) {
        for (int tries = 1;; ++tries) {
            acceptor = tcp::acceptor{context, tcp::endpoint{address, 0}};
            boost::system::error_code error;
            const udp::endpoint same{address, acceptor.local_endpoint().port()};
            datagrams.open(same.protocol());
            datagrams.bind(same, error);
            if (!error) break;
            datagrams.close();
            acceptor.close();
            if (tries == 10) throw boost::system::system_error{error};
        }
        elsewhere = udp::socket{context, udp::endpoint{address, 0}};
    }

    static asio::awaitable<void> serve_udp(std::shared_ptr<State> self) {
        Bytes buffer(4096);
        for (;;) {
            udp::endpoint from;
            auto [error, size] =
                co_await self->datagrams.async_receive_from(asio::buffer(buffer), from, as_result);
            if (self->closed) co_return;
            if (error) continue;
            Bytes query(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
            asio::co_spawn(self->context, reply_udp(self, std::move(query), from), asio::detached);
        }
    }
    static asio::awaitable<void> reply_udp(std::shared_ptr<State> self, Bytes bytes, udp::endpoint from) {
        const Play play = self->next(bytes, false, from.port());
        asio::steady_timer timer{self->context, play.delay};
        if (play.delay.count() != 0) {
            co_await timer.async_wait(as_result);
        }
        if (self->closed) co_return;
        udp::socket& socket = play.from_elsewhere ? self->elsewhere : self->datagrams;
        boost::system::error_code ignored;
        for (const Bytes& message : play.messages) socket.send_to(asio::buffer(message), from, 0, ignored);
    }
    static asio::awaitable<void> serve_tcp(std::shared_ptr<State> self) {
        for (;;) {
            tcp::socket socket{self->context};
            auto [error] = co_await self->acceptor.async_accept(socket, as_result);
            if (self->closed) co_return;
            if (!error) asio::co_spawn(self->context, reply_tcp(self, std::move(socket)), asio::detached);
        }
    }
    static asio::awaitable<void> reply_tcp(std::shared_ptr<State> self, tcp::socket socket) {
        Bytes bytes(2);
        auto [head_error, head] = co_await asio::async_read(socket, asio::buffer(bytes), as_result);
        if (head_error || self->closed) co_return;
        bytes.resize(std::size_t{bytes[0]} << 8 | bytes[1]);
        auto [body_error, body] = co_await asio::async_read(socket, asio::buffer(bytes), as_result);
        if (body_error || self->closed) co_return;
        const Play play = self->next(bytes, true, socket.remote_endpoint().port());
        asio::steady_timer timer{self->context, play.delay};
        if (play.delay.count() != 0) {
            co_await timer.async_wait(as_result);
        }
        if (self->closed) co_return;
        if (play.reset) {
            socket.set_option(asio::socket_base::linger{true, 0});
            socket.close();
            co_return;
        }
        for (const Bytes& message : play.messages) {
            Bytes frame{static_cast<std::uint8_t>(message.size() >> 8),
                        static_cast<std::uint8_t>(message.size())};
            frame.insert(frame.end(), message.begin(), message.end());
            if (play.hang_up) frame.resize(frame.size() / 2);
            co_await asio::async_write(socket, asio::buffer(frame), as_result);
            if (play.hang_up) co_return;
        }
        // Stays open until the client closes: a client must not depend on us to close.
        co_await asio::async_read(socket, asio::buffer(bytes), as_result);
    }

    Play next(const Bytes& bytes, bool tcp, std::uint16_t from_port) {
        const auto question = read_question(bytes);
        if (!question) return {};
        Query query;
        query.question = *question;
        query.tcp = tcp;
        query.from_port = from_port;
        queries.push_back(query);
        return script(query);
    }

    asio::io_context& context;
    udp::socket datagrams, elsewhere;
    tcp::acceptor acceptor;
    Script script;
    std::vector<Query> queries;
    bool closed = false;
};

DnsServer::DnsServer(asio::io_context& context, Script script, const std::string& address)
    : state_(std::make_shared<State>(context)) {
    state_->script = std::move(script);
    state_->listen(asio::ip::make_address(address));
    asio::co_spawn(context, State::serve_udp(state_), asio::detached);
    asio::co_spawn(context, State::serve_tcp(state_), asio::detached);
}

DnsServer::~DnsServer() {
    state_->closed = true;
    boost::system::error_code ignored;
    state_->datagrams.close(ignored);
    state_->elsewhere.close(ignored);
    state_->acceptor.close(ignored);
}

void DnsServer::play(Script script) { state_->script = std::move(script); }
std::uint16_t DnsServer::port() const { return state_->acceptor.local_endpoint().port(); }
const std::vector<DnsServer::Query>& DnsServer::queries() const { return state_->queries; }

std::string DnsServer::address() const {
    const auto address = state_->acceptor.local_endpoint().address();
    const std::string text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return text + ":" + std::to_string(port());
}

DnsServer::Play DnsServer::answer(const Message& message) {
    Play play;
    play.messages.push_back(message.bytes());
    return play;
}

DnsServer::Script DnsServer::text(std::string text) {
    return [text](const Query& query) {
        return answer(reply_to(query.question, {test::txt(query.question.name, text)}));
    };
}

DnsServer::Script DnsServer::silence() {
    return [](const Query&) { return Play{}; };
}

DnsServer::Script DnsServer::error(unsigned rcode) {
    return [rcode](const Query& query) {
        Message message = reply_to(query.question);
        message.rcode = rcode;
        return answer(message);
    };
}

} // namespace test
