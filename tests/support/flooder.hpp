// tests/support/flooder.hpp - a policy host (or proxy) that sends as fast as it can, without end, what keeps a
// TLS client busy without getting anywhere.
//
// Threads: its own, one for accepting and one a connection; members are safe from any. The destructor ends
// all.
#pragma once

#include "support/test_ca.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace test {

enum class Flood {
    hello_requests, ///< before the ServerHello; needs no certificate
    fragments,      ///< a ServerHello in handshake records of one octet
    empty_records,  ///< handshake records without octets
    alerts,         ///< warnings
    cipher_changes, ///< ChangeCipherSpec
    junk,           ///< octets that are no TLS
    certificates,   ///< TLS 1.2: a Certificate message as long as it may be, in records of one octet
    key_updates,    ///< TLS 1.3, after the request: each wants one of ours
    tickets,        ///< TLS 1.3, after the request: NewSessionTicket
    renegotiations, ///< TLS 1.2, after the request: HelloRequest
    one_octet,      ///< after the request: an endless body in records of one octet
    head,           ///< after the request: a head that never ends, in records of one octet
    interim,        ///< after the request: interim responses
    chunks,         ///< after the request: a body in chunks of one octet
    body,           ///< after the request: an endless body in full records
    proxy_head,     ///< in place of a proxy's reply
};
inline constexpr Flood all_floods[] = {
    Flood::hello_requests, Flood::fragments,    Flood::empty_records, Flood::alerts,  Flood::cipher_changes,
    Flood::junk,           Flood::certificates, Flood::key_updates,   Flood::tickets, Flood::renegotiations,
    Flood::one_octet,      Flood::head,         Flood::interim,       Flood::chunks,  Flood::body,
};
[[nodiscard]] const char* name_of(Flood flood);

class Flooder {
public:
    Flooder(Flood flood, Identity identity, const std::string& address = "127.0.0.1", std::uint16_t port = 0);
    /// An HTTP proxy: floods who wants a tunnel to a host under flood.test, with a certificate of `ca` for
    /// whatever host that is, and leads the others on to the proxy at 127.0.0.1:upstream.
    Flooder(Flood flood, const TestCa& ca, std::uint16_t upstream);
    ~Flooder();
    Flooder(const Flooder&) = delete;
    Flooder& operator=(const Flooder&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
    /// Octets that sockets took.
    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

private:
    void listen(const std::string& address, std::uint16_t port);
    void accept_loop();
    bool flood_through_tunnel(int fd);
    static int choose_certificate(void* ssl, void* self);
    void serve(int fd);
    void join_those_over();
    void send_for_ever(int fd, const std::string& octets);
    bool send_all(int fd, const std::string& octets);
    void talk(int fd);

    Flood flood_;
    Identity identity_;
    const TestCa* ca_ = nullptr;
    std::uint16_t upstream_ = 0;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<std::size_t> connections_{0}, sent_{0};
    std::mutex mutex_;
    bool stopping_ = false;
    std::vector<int> fds_;
    std::list<std::thread> workers_;
    std::vector<std::thread::id> over_; // those that only wait to be joined, and keep their stacks until then
    std::thread acceptor_;
};

} // namespace test
