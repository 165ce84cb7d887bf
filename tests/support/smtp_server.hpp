// tests/support/smtp_server.hpp - a loopback mail server that answers as a script says, right or wrong, with STARTTLS,
// and remembers what clients say.
//
// Threads: its own, one for accepting and one a connection; members are safe from any. The destructor ends all of them
// at once, whatever they are doing.
#pragma once

#include "support/test_ca.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace test {

/// What is said at one point, and what then.
struct SmtpAnswer {
    enum class Then {
        go_on, ///< waits for the next command
        hold,  ///< says nothing more until the client goes
        close,
        reset,
    };
    std::string octets;
    Then then = Then::go_on;
    std::chrono::milliseconds per_octet{0}; ///< pause before every octet
};

struct SmtpScript {
    SmtpAnswer banner{"220 mx.test ESMTP\r\n", {}, {}};
    /// By command; others get 500. STARTTLS: a handshake follows when the reply begins with 2 and the script goes on.
    std::map<std::string, SmtpAnswer> answers{
        {"EHLO", {"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", {}, {}}},
        {"STARTTLS", {"220 2.0.0 go ahead\r\n", {}, {}}},
        {"QUIT", {"221 2.0.0 bye\r\n", SmtpAnswer::Then::close, {}}},
    };
    int min_version = 0;            ///< e.g. TLS1_3_VERSION; 0: OpenSSL's
    int max_version = 0;            ///< TLS1_1_VERSION and older lower the security level
    std::string ciphers;            ///< of TLS 1.2 and older; "" OpenSSL's
    bool wants_certificate = false; ///< of the client, and ends TLS without one
};

class SmtpServer {
public:
    SmtpServer(Identity identity, SmtpScript script, std::string address = "127.0.0.1");
    ~SmtpServer();
    SmtpServer(const SmtpServer&) = delete;
    SmtpServer& operator=(const SmtpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// All lines of clients, without their ends; those within TLS have "TLS: " before them, and a line "(closed)" is
    /// there for each connection that the client ended.
    [[nodiscard]] std::vector<std::string> heard() const;
    /// Waits until the last line is this one; false after ten seconds.
    [[nodiscard]] bool wait_heard(const std::string& line) const;
    /// The names in ClientHello messages; "" for none.
    [[nodiscard]] std::vector<std::string> sni() const;

private:
    class Talk;
    void accept_loop(std::stop_token stop);
    void note(std::string line);

    Identity identity_;
    SmtpScript script_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::vector<std::string> heard_, sni_;
    std::vector<int> fds_;
    std::vector<std::thread> workers_;
    bool stopping_ = false;
    std::jthread acceptor_;
};

} // namespace test
