// tests/support/tls_server.hpp - a loopback TLS server that does exactly what a script says, right or wrong,
// and remembers what it saw.
//
// Threads: its own, one for accepting and one a connection; members are safe from any. The destructor ends
// all of them at once, whatever they are doing.
#pragma once

#include "support/test_ca.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace test {

/// What one connection does. The defaults are a well-behaved server that says nothing.
struct Script {
    enum class Close {
        close_notify, ///< an orderly end of TLS
        fin,          ///< TCP ends without it
        reset,        ///< RST
        hold,         ///< stays open until the client goes
    };
    enum class Stage { accept, hello, request, never };

    std::string response;                         ///< raw octets after the request's empty line
    std::chrono::milliseconds before_response{0}; ///< pause before the first octet
    std::chrono::milliseconds per_octet{0};       ///< pause before every octet
    Close close = Close::close_notify;
    Stage reset_at = Stage::never; ///< RST after accepting, after the first octets, after the request
    std::chrono::milliseconds before_handshake{0}; ///< pause before it is answered
    bool silent = false;                           ///< never answers the handshake
    bool plaintext = false;                        ///< no TLS: `response` at once after the first octets
    std::string before_tls;                        ///< octets sent before the handshake
    int min_version = 0;                           ///< e.g. TLS1_3_VERSION; 0: OpenSSL's
    int max_version = 0;                           ///< TLS1_1_VERSION and older lower the security level
    std::optional<std::string> alpn;               ///< chosen whatever the client offers; "" chooses none
    std::string ocsp;                              ///< DER to staple
    enum class ClientCertificate { unasked, optional, required };
    ClientCertificate client_certificate = ClientCertificate::unasked;
    int alert = -1; ///< answers a ClientHello with a name by this fatal alert, e.g. SSL_AD_UNRECOGNIZED_NAME
};

class TlsServer {
public:
    /// Listens on every address, all with the same port: `port`, or an ephemeral one when it is 0.
    TlsServer(Identity identity, Script script, std::vector<std::string> addresses = {"127.0.0.1"},
              std::uint16_t port = 0);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// For clients that send this SNI instead of the constructor's. Set before clients come.
    void on_sni(const std::string& name, Script script);
    void on_sni(const std::string& name, Identity identity);
    void set_script(Script script);
    /// Silent to all clients but those that send this SNI.
    void silent_but_for(const std::string& name, Identity identity, Script script);

    [[nodiscard]] std::size_t connections() const;
    [[nodiscard]] std::size_t open() const;                  ///< connections right now
    [[nodiscard]] std::size_t most_open() const;             ///< at the same time, ever
    [[nodiscard]] std::vector<std::string> sni() const;      ///< one a handshake; "" for none
    [[nodiscard]] std::vector<std::string> requests() const; ///< raw octets up to the empty line
    /// Waits until `connections()` is at least `n`; false after `limit`.
    [[nodiscard]] bool wait_connections(std::size_t n, std::chrono::milliseconds limit) const;

private:
    struct Session;
    void accept_loop(std::stop_token stop);
    void serve(int fd);
    void talk(int fd, const Script& first);
    bool pause(std::chrono::milliseconds time) const;
    static int pick_certificate(void* ssl, void* self);

    Identity identity_;
    std::uint16_t port_ = 0;
    std::vector<int> listeners_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Script script_;
    std::string honest_sni_; // the only one that is answered
    std::map<std::string, Script> scripts_;
    std::map<std::string, Identity> identities_;
    std::vector<std::string> sni_, requests_;
    std::vector<int> fds_;
    std::vector<std::thread> workers_;
    std::size_t connections_ = 0, open_ = 0, most_open_ = 0;
    bool stopping_ = false;
    std::jthread acceptor_;
};

/// An address and port where connecting takes forever: a listener whose backlog is full and stays full.
class BlackHole {
public:
    BlackHole(const std::string& address, std::uint16_t port);
    ~BlackHole();
    BlackHole(const BlackHole&) = delete;
    BlackHole& operator=(const BlackHole&) = delete;

private:
    int listener_ = -1;
    std::vector<int> fillers_;
};

} // namespace test
