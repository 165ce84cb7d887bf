#include "support/flooder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <utility>

namespace test {

namespace {

constexpr std::size_t batch = 64 * 1024;

std::string many(const std::string& octets) {
    std::string text;
    while (text.size() < batch) text += octets;
    return text;
}

std::string record(char type, const std::string& content) {
    std::string text{type, '\x03', '\x03', static_cast<char>(content.size() >> 8),
                     static_cast<char>(content.size() & 255)};
    return text + content;
}

/// One record for each octet.
std::string crumbs(char type, const std::string& content) {
    std::string text;
    for (const char octet : content) text += record(type, std::string(1, octet));
    return text;
}

} // namespace

const char* name_of(Flood flood) {
    switch (flood) {
    case Flood::hello_requests: return "hello_requests";
    case Flood::fragments: return "fragments";
    case Flood::empty_records: return "empty_records";
    case Flood::alerts: return "alerts";
    case Flood::cipher_changes: return "cipher_changes";
    case Flood::junk: return "junk";
    case Flood::certificates: return "certificates";
    case Flood::key_updates: return "key_updates";
    case Flood::tickets: return "tickets";
    case Flood::renegotiations: return "renegotiations";
    case Flood::one_octet: return "one_octet";
    case Flood::head: return "head";
    case Flood::interim: return "interim";
    case Flood::chunks: return "chunks";
    case Flood::body: return "body";
    case Flood::proxy_head: return "proxy_head";
    }
    return "?";
}

Flooder::Flooder(Flood flood, Identity identity, const std::string& address, std::uint16_t port)
    : flood_(flood), identity_(std::move(identity)) {
    listen(address, port);
}

Flooder::Flooder(Flood flood, const TestCa& ca, std::uint16_t upstream)
    : flood_(flood), ca_(&ca), upstream_(upstream) {
    listen("127.0.0.1", 0);
}

void Flooder::listen(const std::string& address, std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(port);
    socklen_t size = sizeof local;
    if (::inet_pton(AF_INET, address.c_str(), &local.sin_addr) != 1 ||
        ::bind(listener_, reinterpret_cast<sockaddr*>(&local), size) != 0 || ::listen(listener_, 1024) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&local), &size) != 0)
        throw std::runtime_error("no listener on " + address);
    port_ = ntohs(local.sin_port);
    acceptor_ = std::thread([this] { accept_loop(); });
}

Flooder::~Flooder() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        for (const int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& worker : workers_) worker.join();
    ::close(listener_);
}

void Flooder::accept_loop() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock{mutex_};
        if (fd < 0 || stopping_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        ++connections_;
        join_those_over();
        fds_.push_back(fd);
        workers_.emplace_back([this, fd] { serve(fd); });
    }
}

/// Requires the lock.
void Flooder::join_those_over() {
    for (const std::thread::id id : std::exchange(over_, {})) {
        const auto worker = std::find_if(workers_.begin(), workers_.end(),
                                         [id](const std::thread& each) { return each.get_id() == id; });
        worker->join();
        workers_.erase(worker);
    }
}

void Flooder::serve(int fd) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    std::string hello(8192, '\0');
    const bool mine = upstream_ == 0 || flood_through_tunnel(fd);
    if (mine) switch (flood_) {
        case Flood::hello_requests: send_for_ever(fd, many(record(22, std::string(4, '\0')))); break;
        case Flood::fragments:
            (void)send_all(fd, crumbs(22, std::string("\x02\0\x40\0", 4)));
            send_for_ever(fd, many(record(22, "x")));
            break;
        case Flood::empty_records: send_for_ever(fd, many(record(22, ""))); break;
        case Flood::alerts: send_for_ever(fd, many(record(21, "\x01\x5a"))); break;
        case Flood::cipher_changes: send_for_ever(fd, many(record(20, "\x01"))); break;
        case Flood::junk: send_for_ever(fd, many("220 mail.example.com ESMTP\r\n")); break;
        case Flood::proxy_head: {
            const ssize_t n = upstream_ != 0 ? 1 : ::recv(fd, hello.data(), hello.size(), 0);
            if (n > 0 && send_all(fd, "HTTP/1.1 200 OK\r\n")) send_for_ever(fd, many("X-A: b\r\n"));
            break;
        }
        default: talk(fd);
        }
    const std::lock_guard lock{mutex_};
    std::erase(fds_, fd);
    over_.push_back(std::this_thread::get_id());
    ::close(fd);
}

/// Answers CONNECT; false when it was for the other proxy and is over.
bool Flooder::flood_through_tunnel(int fd) {
    std::string head;
    char octets[4096];
    while (!head.ends_with("\r\n\r\n")) {
        const ssize_t n = ::recv(fd, octets, sizeof octets, 0);
        if (n <= 0 || head.size() > 16384) return false;
        head.append(octets, static_cast<std::size_t>(n));
    }
    if (head.find(".flood.test:443") != std::string::npos) {
        if (flood_ == Flood::proxy_head) return true;
        return send_all(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
    }
    const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in remote{};
    remote.sin_family = AF_INET;
    remote.sin_port = htons(upstream_);
    remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool open =
        ::connect(other, reinterpret_cast<sockaddr*>(&remote), sizeof remote) == 0 && send_all(other, head);
    pollfd ends[2] = {{fd, POLLIN, 0}, {other, POLLIN, 0}};
    while (open && ::poll(ends, 2, -1) > 0)
        for (int i = 0; i < 2 && open; ++i) {
            if (ends[i].revents == 0) continue;
            const ssize_t n = ::recv(ends[i].fd, octets, sizeof octets, 0);
            open = n > 0 && send_all(ends[1 - i].fd,
                                     std::string(octets, static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
        }
    ::close(other);
    return false;
}

int Flooder::choose_certificate(void* ssl, void* self) {
    auto& flooder = *static_cast<Flooder*>(self);
    auto* tls = static_cast<SSL*>(ssl);
    const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
    const Identity identity = flooder.ca_ ? flooder.ca_->leaf({name ? name : ""}) : flooder.identity_;
    present(tls, identity);
    return 1;
}

bool Flooder::send_all(int fd, const std::string& octets) {
    for (std::size_t at = 0; at < octets.size();) {
        const ssize_t n = ::send(fd, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += static_cast<std::size_t>(n);
        sent_ += static_cast<std::size_t>(n);
    }
    return true;
}

void Flooder::send_for_ever(int fd, const std::string& octets) {
    while (send_all(fd, octets)) {
    }
}

void Flooder::talk(int fd) {
    using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
    using Ssl = std::unique_ptr<SSL, void (*)(SSL*)>;
    const bool old = flood_ == Flood::renegotiations || flood_ == Flood::certificates;
    const Context context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    SSL_CTX_set_max_proto_version(context.get(), old ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_cert_cb(
        context.get(), [](SSL* tls, void* self) { return choose_certificate(tls, self); }, this);
    const Ssl ssl{SSL_new(context.get()), SSL_free};
    SSL_set_fd(ssl.get(), fd);
    const auto switch_to_memory = [&] { SSL_set0_wbio(ssl.get(), BIO_new(BIO_s_mem())); };
    const auto written = [&] {
        std::string octets(BIO_ctrl_pending(SSL_get_wbio(ssl.get())), '\0');
        if (!octets.empty())
            BIO_read(SSL_get_wbio(ssl.get()), octets.data(), static_cast<int>(octets.size()));
        return octets;
    };
    if (flood_ == Flood::certificates) {
        std::string hello(8192, '\0');
        const ssize_t n = ::recv(fd, hello.data(), hello.size(), 0);
        SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        if (n <= 0 || BIO_write(SSL_get_rbio(ssl.get()), hello.data(), static_cast<int>(n)) <= 0) return;
        (void)SSL_accept(ssl.get());
        ERR_clear_error();
        const std::string flight = written(); // ServerHello, Certificate, ...: the first record is the hello
        const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(flight.at(at)); };
        if (flight.size() < 5 || !send_all(fd, flight.substr(0, 5u + octet(3) * 256u + octet(4)))) return;
        (void)send_all(fd, crumbs(22, std::string("\x0b\x01\x8f\0", 4))); // 102,144 octets, as allowed
        send_for_ever(fd, many(record(22, std::string(1, '\0'))));
        return;
    }
    if (SSL_accept(ssl.get()) != 1) return ERR_clear_error();
    std::string request;
    char octets[4096];
    while (!request.ends_with("\r\n\r\n")) {
        const int n = SSL_read(ssl.get(), octets, sizeof octets);
        if (n <= 0) return ERR_clear_error();
        request.append(octets, static_cast<std::size_t>(n));
    }
    switch_to_memory();
    const auto say = [&](const std::string& text) {
        return SSL_write(ssl.get(), text.data(), static_cast<int>(text.size())) > 0;
    };
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    if (flood_ == Flood::one_octet || flood_ == Flood::body) say(head + "\r\n");
    if (flood_ == Flood::head) say(head);
    if (flood_ == Flood::chunks) say(head + "Transfer-Encoding: chunked\r\n\r\n");
    for (;;) {
        std::string some;
        const bool dear = flood_ == Flood::key_updates || flood_ == Flood::tickets; // for us, too
        while (some.size() < (dear ? batch / 16 : batch)) {
            bool good = true;
            switch (flood_) {
            case Flood::key_updates:
                good = SSL_key_update(ssl.get(), SSL_KEY_UPDATE_REQUESTED) == 1 &&
                       SSL_do_handshake(ssl.get()) == 1;
                break;
            case Flood::tickets:
                good = SSL_new_session_ticket(ssl.get()) == 1 && SSL_do_handshake(ssl.get()) == 1;
                break;
            case Flood::renegotiations:
                good = SSL_renegotiate(ssl.get()) == 1 && SSL_do_handshake(ssl.get()) == 1;
                break;
            case Flood::one_octet: good = say("x"); break;
            case Flood::head: good = say("x"); break;
            case Flood::interim: good = say("HTTP/1.1 100 Continue\r\n\r\n"); break;
            case Flood::chunks: good = say("1\r\nx\r\n"); break;
            case Flood::body: good = say(std::string(16000, 'x')); break;
            default: break;
            }
            ERR_clear_error();
            if (!good) return;
            some += written();
        }
        if (!send_all(fd, some)) return;
    }
}

} // namespace test
