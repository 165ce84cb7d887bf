#include "support/smtp_server.hpp"

#include "base/net/address.hpp"
#include "base/net/socket_address.hpp"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <utility>

namespace test {

namespace {

using namespace std::chrono_literals;

struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct FreeSsl {
    void operator()(SSL* tls) const noexcept { SSL_free(tls); }
};

void reset_on_close(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

} // namespace

/// One connection.
class SmtpServer::Talk {
public:
    Talk(SmtpServer& server, int fd) : server_(server), script_(server.script_), fd_(fd) {}

    void run() {
        if (!say(script_.banner)) return;
        for (;;) {
            const std::string line = read_line();
            if (line.empty()) return server_.note("(closed)");
            server_.note((tls_ ? "TLS: " : "") + line);
            const std::string verb = line.substr(0, line.find(' '));
            const auto found = script_.answers.find(verb);
            const SmtpAnswer answer =
                found != script_.answers.end() ? found->second : SmtpAnswer{"500 what?\r\n", {}, {}};
            if (!say(answer)) return;
            if (verb == "STARTTLS" && answer.octets.starts_with('2') && !shake()) return;
        }
    }

private:
    /// False when that is the end.
    bool say(const SmtpAnswer& answer) {
        if (answer.per_octet > 0ms) {
            for (const char octet : answer.octets) {
                std::this_thread::sleep_for(answer.per_octet);
                if (!write({&octet, 1})) return false;
            }
        } else if (!write(answer.octets)) {
            return false;
        }
        switch (answer.then) {
        case SmtpAnswer::Then::go_on: return true;
        case SmtpAnswer::Then::hold: hold(); return false;
        case SmtpAnswer::Then::close: return false;
        case SmtpAnswer::Then::reset: reset_on_close(fd_); return false;
        }
        return false;
    }

    void hold() {
        for (;;) {
            const std::string line = read_line();
            if (line.empty()) break;
            server_.note((tls_ ? "TLS: " : "") + line);
        }
        server_.note("(closed)");
    }

    bool write(std::string_view octets) {
        if (octets.empty()) return true;
        if (tls_) return SSL_write(tls_.get(), octets.data(), static_cast<int>(octets.size())) > 0;
        return ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(octets.size());
    }

    std::string read_line() {
        std::string line;
        for (;;) {
            char octet = 0;
            const long count = tls_ ? SSL_read(tls_.get(), &octet, 1) : ::recv(fd_, &octet, 1, 0);
            if (count <= 0) return line;
            if (octet == '\n') {
                if (line.ends_with('\r')) line.pop_back();
                return line;
            }
            line += octet;
        }
    }

    bool shake() {
        context_.reset(SSL_CTX_new(TLS_server_method()));
        SSL_CTX* const context = context_.get();
        if (script_.max_version != 0 && script_.max_version < TLS1_2_VERSION)
            SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, script_.min_version);
        SSL_CTX_set_max_proto_version(context, script_.max_version);
        if (!script_.ciphers.empty()) SSL_CTX_set_cipher_list(context, script_.ciphers.c_str());
        if (script_.wants_certificate)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        present(context, server_.identity_);
        std::unique_ptr<SSL, FreeSsl> tls(SSL_new(context));
        SSL_set_fd(tls.get(), fd_);
        const bool done = SSL_accept(tls.get()) == 1;
        const char* name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
        {
            const std::lock_guard lock(server_.mutex_);
            server_.sni_.emplace_back(name != nullptr ? name : "");
        }
        if (done) tls_ = std::move(tls);
        return done;
    }

    SmtpServer& server_;
    const SmtpScript& script_;
    int fd_;
    std::unique_ptr<SSL_CTX, FreeContext> context_;
    std::unique_ptr<SSL, FreeSsl> tls_;
};

SmtpServer::SmtpServer(Identity identity, SmtpScript script, std::string address)
    : identity_(std::move(identity)), script_(std::move(script)) {
    const auto ip = net::parse_ip(address);
    if (!ip) throw std::runtime_error("no address: " + address);
    const net::SocketAddress local{net::Endpoint{*ip, 0}};
    listener_ = ::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0 || ::bind(listener_, local.get(), local.size()) != 0 || ::listen(listener_, 16) != 0)
        throw std::runtime_error("cannot listen at " + address);
    const auto bound = net::bound_address(listener_);
    if (!bound) throw std::runtime_error("cannot listen at " + address);
    port_ = bound->port;
    acceptor_ = std::jthread([this](std::stop_token stop) { accept_loop(std::move(stop)); });
}

SmtpServer::~SmtpServer() {
    acceptor_.request_stop();
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    std::vector<std::thread> workers;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const int fd : fds_) ::shutdown(fd, SHUT_RDWR);
        workers.swap(workers_);
    }
    for (std::thread& worker : workers) worker.join();
    ::close(listener_);
}

void SmtpServer::accept_loop(std::stop_token stop) {
    while (!stop.stop_requested()) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        const std::lock_guard lock(mutex_);
        fds_.push_back(fd);
        workers_.emplace_back([this, fd] {
            sigset_t pipe; // OpenSSL writes without MSG_NOSIGNAL
            sigemptyset(&pipe);
            sigaddset(&pipe, SIGPIPE);
            ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
            Talk(*this, fd).run();
            const std::lock_guard closing(mutex_);
            std::erase(fds_, fd);
            ::close(fd);
        });
    }
}

void SmtpServer::note(std::string line) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(std::move(line));
}

std::vector<std::string> SmtpServer::heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
}

bool SmtpServer::wait_heard(const std::string& line) const {
    const auto end = std::chrono::steady_clock::now() + 10s;
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (!heard_.empty() && heard_.back() == line) return true;
        }
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(2ms);
    }
}

std::vector<std::string> SmtpServer::sni() const {
    const std::lock_guard lock(mutex_);
    return sni_;
}

} // namespace test
