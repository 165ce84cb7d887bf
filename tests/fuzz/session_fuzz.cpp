// A client's octets, cut as the script says, on a real socket: every request is answered in order, at once or
// later, wherever the cuts are. A breach of the protocol gets one PERM, then the session ends. Everything
// sent is a netstring.
//
// The input: an octet for the form, an octet for the cuts, then the client's octets.
#include "fuzz.hpp"

#include "postfix/netstring.hpp"
#include "server/session.hpp"
#include "support/canned_handler.hpp"
#include "support/postfix_syntax.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t max_request = 300;

struct Outcome {
    std::string sent;               ///< to the client
    std::vector<std::string> asked; ///< from the handler
    unsigned violations = 0;
    bool ended = false;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Client final : public server::SessionOwner {
public:
    explicit Client(bool at_once) {
        int fds[2];
        fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0,
                      "a socket pair");
        fd_ = fds[1];
        handler_.at_once = at_once;
        session_ = std::make_shared<server::Session>(net::Descriptor{fds[0]}, max_request, loop_, scratch_,
                                                     handler_, *this);
        fuzz::require(!session_->start(), "a socket can be watched");
    }
    ~Client() override {
        if (session_) session_->detach();
        turn();
        ::close(fd_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view octets) {
        while (!octets.empty()) {
            const ssize_t count = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN) return; // the session has ended
            if (count > 0) octets.remove_prefix(static_cast<std::size_t>(count));
            turn();
        }
    }
    void end() {
        ::shutdown(fd_, SHUT_WR);
        turn();
    }
    Outcome outcome() {
        turn();
        return {received_, handler_.asked, violations_, session_ == nullptr};
    }
    /// While this is false the client does not read, so that replies pile up.
    bool reads = true;

private:
    void turn() {
        for (bool more = true; more;) {
            more = loop_.turn(std::chrono::milliseconds{0}) > 0;
            while (!handler_.waiting.empty()) {
                handler_.release();
                more = true;
            }
            if (!reads) continue;
            char chunk[4096];
            for (ssize_t count; (count = ::recv(fd_, chunk, sizeof chunk, 0)) > 0; more = true)
                received_.append(chunk, static_cast<std::size_t>(count));
        }
    }
    void violated(const server::Session&, std::string_view problem) override {
        ++violations_;
        fuzz::require(fuzz::is_printable(problem) && !problem.empty(), "printable words for a breach");
    }
    void ended(server::Session&) override {
        fuzz::require(session_ != nullptr, "it ends once");
        session_.reset();
    }

    // One for all inputs, because making one takes longer than most inputs. A client that ends leaves nothing
    // in it.
    static inline server::Loop loop_;
    static inline server::Scratch scratch_;
    test::CannedHandler handler_;
    std::shared_ptr<server::Session> session_;
    int fd_ = -1;
    std::string received_;
    unsigned violations_ = 0;
};

Outcome talk(std::string_view wire, std::size_t piece, unsigned form) {
    Client client((form & 2) != 0);
    for (std::size_t at = 0; at < wire.size(); at += piece) {
        client.reads = (form & 4) == 0 || at / piece % 2 == 1;
        client.send(wire.substr(at, piece));
    }
    client.reads = true;
    client.end();
    return client.outcome();
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned form = input.octet();
    const std::size_t shortest = 1 + input.octet();
    const std::string_view wire = input.rest();
    const std::size_t piece = std::max(shortest, wire.size() / 64);
    const Outcome whole = talk(wire, wire.size() + 1, 2);
    fuzz::require(talk(wire, piece, form) == whole, "cuts, late answers and a slow reader do not matter");

    // The requests, by a second reader of the wire.
    std::vector<std::string> requests;
    postfix::NetstringReader reader{max_request};
    reader.feed(wire);
    bool breach = false;
    while (const auto item = reader.next()) {
        if ((breach = !*item)) break;
        requests.emplace_back(**item);
        if ((*item)->find(' ') == std::string_view::npos) break; // answered with PERM, which ends it
    }
    fuzz::require(whole.asked == requests, "the handler hears every request");
    fuzz::require(whole.ended, "the end of the client is the end of the session");
    std::string_view rest = whole.sent;
    std::size_t replies = 0;
    for (; !rest.empty(); ++replies) {
        const auto reply = test::take_netstring(rest);
        fuzz::require(reply.has_value(), "replies are netstrings");
        const bool perm = reply->starts_with("PERM ");
        fuzz::require(perm || reply->starts_with("OK "), "replies are the handler's");
        fuzz::require(!perm || rest.empty(), "nothing comes after a PERM");
        if (perm && whole.violations != 0)
            fuzz::require(test::read_reply(*reply, test::Postfix::v3_4).has_value(), "PERM is read");
    }
    fuzz::require(replies == requests.size() + whole.violations, "one reply a request, and one a breach");
    fuzz::require(whole.violations <= 1 && (!breach || whole.violations == 1), "a breach is reported once");
    return 0;
}
