#include "support/tls_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace test {

namespace {

constexpr std::size_t max_request = 64 * 1024;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    SocketAddress(const std::string& address, std::uint16_t port) {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
        if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            v4->sin_port = htons(port);
            size = sizeof *v4;
        } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            v6->sin6_port = htons(port);
            size = sizeof *v6;
        } else {
            throw std::runtime_error("no address: " + address);
        }
    }
    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// -1 when the port is taken there.
int listen_on(const std::string& address, std::uint16_t port, int backlog) {
    const SocketAddress local{address, port};
    const int fd = ::socket(local.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (local.storage.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(fd, local.get(), local.size) == 0 && ::listen(fd, backlog) == 0) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (error == EADDRINUSE) return -1;
    fail("bind " + address);
}

std::uint16_t port_of(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
    return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                              : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
}

void abort_connection(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void drain(int fd) {
    char octets[4096];
    while (::recv(fd, octets, sizeof octets, 0) > 0) {
    }
}

void send_raw(int fd, const std::string& octets) {
    for (std::size_t sent = 0; sent < octets.size();) {
        const ssize_t n = ::send(fd, octets.data() + sent, octets.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
}

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
using Ssl = std::unique_ptr<SSL, void (*)(SSL*)>;

int pick_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                  unsigned offered_length, void* arg) {
    const auto& forced = *static_cast<const std::optional<std::string>*>(arg);
    if (forced) {
        if (forced->empty()) return SSL_TLSEXT_ERR_NOACK;
        *out = reinterpret_cast<const unsigned char*>(forced->data());
        *length = static_cast<unsigned char>(forced->size());
        return SSL_TLSEXT_ERR_OK;
    }
    static const unsigned char own[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, length, own, sizeof own - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

int staple(SSL* ssl, void* arg) {
    const auto& der = *static_cast<const std::string*>(arg);
    auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(der.data(), der.size()));
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
    return SSL_TLSEXT_ERR_OK;
}

int refuse_name(SSL*, int* alert, void* arg) {
    *alert = *static_cast<const int*>(arg);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

} // namespace

TlsServer::TlsServer(Identity identity, Script script, std::vector<std::string> addresses, std::uint16_t port)
    : identity_(std::move(identity)), script_(std::move(script)) {
    // The ephemeral port of the first address may be taken at another: try again then.
    for (int tries = 0; listeners_.size() < addresses.size(); ++tries) {
        for (int fd : listeners_) ::close(fd);
        listeners_.clear();
        if (tries == 50) throw std::runtime_error("no port is free on all addresses");
        port_ = port;
        for (const std::string& address : addresses) {
            const int fd = listen_on(address, port_, 1024);
            if (fd < 0) break;
            listeners_.push_back(fd);
            port_ = port_of(fd);
        }
    }
    acceptor_ = std::jthread([this](std::stop_token stop) { accept_loop(stop); });
}

TlsServer::~TlsServer() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        for (int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    acceptor_.request_stop();
    for (int fd : listeners_) ::shutdown(fd, SHUT_RDWR); // wakes poll()
    acceptor_.join();
    for (std::thread& worker : workers_) worker.join();
    for (int fd : listeners_) ::close(fd);
}

void TlsServer::on_sni(const std::string& name, Script script) {
    const std::lock_guard lock{mutex_};
    scripts_[name] = std::move(script);
}

void TlsServer::on_sni(const std::string& name, Identity identity) {
    const std::lock_guard lock{mutex_};
    identities_[name] = std::move(identity);
}

void TlsServer::set_script(Script script) {
    const std::lock_guard lock{mutex_};
    script_ = std::move(script);
}

void TlsServer::silent_but_for(const std::string& name, Identity identity, Script script) {
    on_sni(name, std::move(identity));
    on_sni(name, std::move(script));
    const std::lock_guard lock{mutex_};
    honest_sni_ = name;
}

std::size_t TlsServer::connections() const {
    const std::lock_guard lock{mutex_};
    return connections_;
}
std::size_t TlsServer::open() const {
    const std::lock_guard lock{mutex_};
    return open_;
}
std::size_t TlsServer::most_open() const {
    const std::lock_guard lock{mutex_};
    return most_open_;
}
std::vector<std::string> TlsServer::sni() const {
    const std::lock_guard lock{mutex_};
    return sni_;
}
std::vector<std::string> TlsServer::requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
}
bool TlsServer::wait_connections(std::size_t n, std::chrono::milliseconds limit) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] { return connections_ >= n; });
}

void TlsServer::accept_loop(std::stop_token stop) {
    std::vector<pollfd> polled;
    for (int fd : listeners_) {
        pollfd p{};
        p.fd = fd;
        p.events = POLLIN;
        polled.push_back(p);
    }
    while (!stop.stop_requested()) {
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
        for (const pollfd& p : polled) {
            if (!(p.revents & POLLIN) || stop.stop_requested()) continue;
            const int fd = ::accept4(p.fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            const std::lock_guard lock{mutex_};
            if (stopping_) {
                ::close(fd);
                return;
            }
            ++connections_;
            most_open_ = std::max(most_open_, ++open_);
            fds_.push_back(fd);
            workers_.emplace_back([this, fd] { serve(fd); });
            changed_.notify_all();
        }
    }
}

void TlsServer::serve(int fd) {
    // OpenSSL writes without MSG_NOSIGNAL; a client may be gone.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

    Script script;
    {
        const std::lock_guard lock{mutex_};
        script = script_;
    }
    talk(fd, script);

    const std::lock_guard lock{mutex_};
    std::erase(fds_, fd);
    --open_;
    ::close(fd);
    changed_.notify_all();
}

/// False when the server is stopping.
bool TlsServer::pause(std::chrono::milliseconds time) const {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

int TlsServer::pick_certificate(void* ssl, void* self) {
    auto& server = *static_cast<TlsServer*>(self);
    auto* tls = static_cast<SSL*>(ssl);
    const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
    const std::lock_guard lock{server.mutex_};
    server.sni_.emplace_back(name ? name : "");
    const auto found = server.identities_.find(server.sni_.back());
    present(tls, found == server.identities_.end() ? server.identity_ : found->second);
    return 1;
}

void TlsServer::talk(int fd, const Script& first) {
    if (first.reset_at == Script::Stage::accept) return abort_connection(fd);
    if (first.silent) {
        std::string name;
        {
            const std::lock_guard lock{mutex_};
            name = honest_sni_;
        }
        char hello[4096];
        const ssize_t n = name.empty() ? 0 : ::recv(fd, hello, sizeof hello, MSG_PEEK);
        const bool honest =
            n > 0 && std::string(hello, static_cast<std::size_t>(n)).find(name) != std::string::npos;
        if (!honest) return drain(fd);
    }
    if (first.before_handshake.count() > 0 && !pause(first.before_handshake)) return;
    if (!first.before_tls.empty()) send_raw(fd, first.before_tls);
    if (first.plaintext || first.reset_at == Script::Stage::hello) {
        char octet;
        if (::recv(fd, &octet, 1, first.plaintext ? 0 : MSG_PEEK) <= 0) return;
        if (first.reset_at == Script::Stage::hello) return abort_connection(fd);
        if (!pause(first.before_response)) return;
        send_raw(fd, first.response);
        ::shutdown(fd, SHUT_WR);
        return drain(fd);
    }

    const Context context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    SSL_CTX_set_security_level(context.get(), 0); // weak keys are part of the tests
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context.get(), first.min_version);
    SSL_CTX_set_max_proto_version(context.get(), first.max_version);
    SSL_CTX_set_cert_cb(
        context.get(), [](SSL* ssl, void* self) { return pick_certificate(ssl, self); }, this);
    SSL_CTX_set_alpn_select_cb(context.get(), pick_protocol,
                               const_cast<std::optional<std::string>*>(&first.alpn));
    if (!first.ocsp.empty()) {
        SSL_CTX_set_tlsext_status_cb(context.get(), staple);
        SSL_CTX_set_tlsext_status_arg(context.get(), const_cast<std::string*>(&first.ocsp));
    }
    if (first.alert >= 0) {
        SSL_CTX_set_tlsext_servername_callback(context.get(), refuse_name);
        SSL_CTX_set_tlsext_servername_arg(context.get(), const_cast<int*>(&first.alert));
    }
    if (first.client_certificate != Script::ClientCertificate::unasked)
        SSL_CTX_set_verify(context.get(),
                           SSL_VERIFY_PEER | (first.client_certificate == Script::ClientCertificate::required
                                                  ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                                  : 0),
                           nullptr);
    const Ssl ssl{SSL_new(context.get()), SSL_free};
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) {
        ERR_clear_error();
        ::shutdown(fd, SHUT_WR);
        return drain(fd);
    }

    std::string request;
    char octets[4096];
    while (!request.ends_with("\r\n\r\n") && request.size() < max_request) {
        const int n = SSL_read(ssl.get(), octets, sizeof octets);
        if (n <= 0) return ERR_clear_error();
        request.append(octets, static_cast<std::size_t>(n));
    }
    Script script = first;
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back(request);
        const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
        if (const auto found = scripts_.find(name ? name : ""); found != scripts_.end())
            script = found->second;
        changed_.notify_all();
    }
    if (script.reset_at == Script::Stage::request) return abort_connection(fd);
    if (script.before_response.count() > 0 && !pause(script.before_response)) return;
    if (script.per_octet.count() > 0) {
        for (char octet : script.response)
            if (!pause(script.per_octet) || SSL_write(ssl.get(), &octet, 1) != 1) return ERR_clear_error();
    } else if (!script.response.empty() &&
               SSL_write(ssl.get(), script.response.data(), static_cast<int>(script.response.size())) <= 0) {
        return ERR_clear_error();
    }
    switch (script.close) {
    case Script::Close::close_notify: SSL_shutdown(ssl.get()); [[fallthrough]];
    case Script::Close::fin: ::shutdown(fd, SHUT_WR); break;
    case Script::Close::reset: return abort_connection(fd);
    case Script::Close::hold: break;
    }
    drain(fd);
}

BlackHole::BlackHole(const std::string& address, std::uint16_t port) {
    listener_ = listen_on(address, port, 0);
    if (listener_ < 0) fail("bind " + address);
    // A backlog of 0 holds one connection; the kernel drops the SYNs of later ones.
    const SocketAddress remote{address, port};
    for (int i = 0; i < 3; ++i) {
        const int fd = ::socket(remote.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) fail("socket");
        fillers_.push_back(fd);
        ::connect(fd, remote.get(), remote.size);
        pollfd p{};
        p.fd = fd;
        p.events = POLLOUT;
        if (::poll(&p, 1, i == 0 ? 1000 : 50) == 0) return; // this one hangs: so will all others
    }
    throw std::runtime_error("the backlog takes more than expected");
}

BlackHole::~BlackHole() {
    for (int fd : fillers_) ::close(fd);
    ::close(listener_);
}

} // namespace test
