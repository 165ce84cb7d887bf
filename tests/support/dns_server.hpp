// tests/support/dns_server.hpp - a scripted name server on loopback, UDP and TCP on one ephemeral port.
//
// Runs on the given io_context, all in its thread. The script is asked for every query and may do anything:
// answer, stay silent, wait, answer from elsewhere, send several messages or garbage, or reset the
// connection.
#pragma once

#include "support/dns_message.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace test {

class DnsServer {
public:
    struct Query {
        dns::Question question;
        bool tcp = false;
        std::uint16_t from_port = 0;
    };
    struct Play {
        std::vector<Bytes> messages;        ///< sent as they are, in order; none: silence
        std::chrono::milliseconds delay{0}; ///< before the first
        bool reset = false;                 ///< TCP: a reset instead of messages
        bool hang_up = false;               ///< TCP: half of the first message, then the end
        bool from_elsewhere = false;        ///< UDP: from another port
    };
    using Script = std::function<Play(const Query&)>;

    /// Throws boost::system::system_error when it cannot listen on `address`.
    DnsServer(boost::asio::io_context& context, Script script, const std::string& address = "127.0.0.1");
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    void play(Script script);
    /// In the form of options and parse_server(): "127.0.0.1:40053", "[::1]:40053".
    [[nodiscard]] std::string address() const;
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] const std::vector<Query>& queries() const; ///< all so far, in order

    /// Common scripts.
    [[nodiscard]] static Play answer(const Message& message);
    [[nodiscard]] static Script text(std::string txt); ///< one TXT record at the name asked for
    [[nodiscard]] static Script silence();
    [[nodiscard]] static Script error(unsigned rcode);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace test
