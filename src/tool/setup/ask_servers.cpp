#include "tool/setup/ask_servers.hpp"

#include "base/net/descriptor.hpp"
#include "base/net/socket_address.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

namespace setup {
namespace {

using Clock = std::chrono::steady_clock;

/// The largest datagram or TCP message.
constexpr std::size_t max_message = 65535;
/// Ignored datagrams that are not a reply to the question; more of them are an attack.
constexpr unsigned max_ignored = 100;

/// One lookup at one server.
class Asking {
public:
    Asking(const AskedServer& asked, const DnsLookup& lookup) : address_(asked.server), tcp_(asked.tcp) {
        std::uint16_t id = 0;
        if (::getrandom(&id, sizeof id, 0) == sizeof id) query_ = encode(lookup, id);
        if (query_.empty())
            give_up("\"" + lookup.name + "\" is not a name that can be asked for");
        else
            open();
    }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] pollfd wants() const {
        return {socket_.get(), static_cast<short>(to_send_.empty() ? POLLIN : POLLOUT), 0};
    }
    [[nodiscard]] ServerReply take() { return std::move(reply_); }

    void ready() {
        if (!to_send_.empty()) return send();
        tcp_ ? read_stream() : read_datagram();
    }
    void send_again() {
        if (!tcp_ && to_send_.empty()) to_send_ = query_;
    }
    void time_is_over(std::chrono::milliseconds limit) {
        if (done_) return;
        reply_.late = true;
        give_up(std::string("no answer") + (tcp_ ? " over TCP" : "") + " within " +
                std::to_string(limit.count()) + " ms");
    }

private:
    [[nodiscard]] static std::string words() { return std::generic_category().message(errno); }

    void finish() {
        done_ = true;
        socket_.reset();
    }
    void give_up(std::string trouble) {
        reply_.trouble = std::move(trouble);
        finish();
    }

    void open() {
        socket_.reset();
        got_.clear();
        const int type = (tcp_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
        socket_ = net::Descriptor{::socket(address_.family(), type, 0)};
        if (!socket_ ||
            (::connect(socket_.get(), address_.get(), address_.size()) != 0 && errno != EINPROGRESS))
            return give_up(words());
        to_send_ = query_;
        if (!tcp_) return;
        const auto size = static_cast<std::uint16_t>(query_.size());
        to_send_.insert(to_send_.begin(),
                        {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xff)});
    }

    void send() {
        const ssize_t sent = ::send(socket_.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent < 0) return give_up(words());
        to_send_.erase(to_send_.begin(), to_send_.begin() + sent);
    }

    void read_datagram() {
        Octets datagram(max_message);
        const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size < 0) return give_up(words());
        datagram.resize(static_cast<std::size_t>(size));
        take(datagram);
    }

    void read_stream() {
        std::array<std::uint8_t, 4096> some;
        const ssize_t size = ::recv(socket_.get(), some.data(), some.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size < 0) return give_up(words());
        if (size == 0) return give_up("the TCP connection ended before the answer");
        got_.insert(got_.end(), some.begin(), some.begin() + size);
        while (!done_ && got_.size() >= 2) {
            const std::size_t whole = 2U + (static_cast<std::size_t>(got_[0]) << 8 | got_[1]);
            if (got_.size() < whole) return;
            const Octets message(got_.begin() + 2, got_.begin() + static_cast<std::ptrdiff_t>(whole));
            got_.erase(got_.begin(), got_.begin() + static_cast<std::ptrdiff_t>(whole));
            take(message);
        }
    }

    void take(const Octets& message) {
        const LibcReply reading = read_reply(message, query_, tcp_);
        switch (reading.what) {
        case LibcReply::What::not_ours:
            if (++ignored_ == max_ignored) give_up("nothing but messages that are no answer to the question");
            break;
        case LibcReply::What::truncated:
            tcp_ = true;
            open();
            break;
        case LibcReply::What::failure:
            reply_.last_word = reading.last_word;
            give_up("it answers " + reading.words);
            break;
        case LibcReply::What::answer:
            reply_ = {true, reading.data, reading.ad, {}, reading.no_name, false, false};
            finish();
            break;
        }
    }

    net::SocketAddress address_;
    bool tcp_;
    Octets query_;
    net::Descriptor socket_;
    Octets to_send_, got_;
    unsigned ignored_ = 0;
    bool done_ = false;
    ServerReply reply_;
};

/// Waits for any of them until `end`.
void wait(std::vector<Asking>& all, Clock::time_point end) {
    std::vector<pollfd> polls;
    std::vector<Asking*> waiting;
    for (Asking& each : all) {
        if (each.done()) continue;
        polls.push_back(each.wants());
        waiting.push_back(&each);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (::poll(polls.data(), polls.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) return;
    for (std::size_t i = 0; i < polls.size(); ++i)
        if (polls[i].revents != 0) waiting[i]->ready();
}

} // namespace

std::vector<std::vector<ServerReply>> ask_servers(const std::vector<AskedServer>& servers,
                                                  const std::vector<DnsLookup>& lookups,
                                                  std::chrono::milliseconds limit) {
    const auto began = Clock::now();
    std::vector<Asking> all;
    all.reserve(servers.size() * lookups.size());
    for (const AskedServer& server : servers)
        for (const DnsLookup& lookup : lookups) all.emplace_back(server, lookup);
    const auto over = [&all] { return std::ranges::all_of(all, &Asking::done); };
    for (const auto until : {began + limit / 3, began + limit}) {
        while (!over() && Clock::now() < until) wait(all, until);
        for (Asking& each : all)
            if (!each.done()) each.send_again();
    }
    std::vector<std::vector<ServerReply>> replies;
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].time_is_over(limit);
        if (i % lookups.size() == 0) replies.emplace_back();
        replies.back().push_back(all[i].take());
    }
    return replies;
}

} // namespace setup
