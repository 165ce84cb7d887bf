#include "tool/check/policy_host.hpp"

#include "base/event.hpp"
#include "base/net/asio_address.hpp"
#include "fetch/address.hpp"
#include "fetch/certificate.hpp"
#include "fetch/http_reader.hpp"
#include "fetch/nat64.hpp"
#include "fetch/request.hpp"
#include "fetch/tls_stream.hpp"
#include "sts/response.hpp"
#include "tool/check/host_tls.hpp"
#include "tool/check/looked.hpp"
#include "tool/check/together.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace check {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Reason;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct PolicyHosts::Core {
    Core(asio::any_io_executor e, dns::Resolver& r, fetch::Options o, Now n)
        : executor(std::move(e)), resolver(r), options(std::move(o)), now(std::move(n)),
          nat64(std::make_shared<fetch::Nat64>(executor, r)),
          turns(std::make_shared<fetch::Turns>(executor)) {
        auto made = fetch::make_client_context(options.ca_file);
        if (!made) throw std::runtime_error(made.error());
        tls = std::move(*made);
        nat64->configure(options.nat64_prefixes);
        options.timeout = std::min(options.timeout, policy_try_limit);
    }

    asio::any_io_executor executor;
    dns::Resolver& resolver;
    fetch::Options options;
    Now now;
    std::shared_ptr<fetch::Nat64> nat64;
    std::shared_ptr<fetch::Turns> turns;
    std::shared_ptr<asio::ssl::context> tls;
};

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

/// What is known of one address once it has been tried.
struct Tried {
    PolicyTry what;
    std::optional<std::string> body;
};

void fail(PolicyTry& made, Reason reason, std::string detail) {
    made.reason = base::to_string(reason);
    made.detail = std::move(detail);
}

/// The first trouble is the one that tells.
void fail_first(PolicyTry& made, const fetch::Failure& failure) {
    if (made.reason.empty()) fail(made, failure.reason, failure.detail);
}

void take_head(PolicyTry& made, const fetch::HttpHead& head) {
    made.status = static_cast<int>(head.status);
    for (const std::string_view type : head.content_type.all())
        if (made.types.size() < max_fields) made.types.emplace_back(type.substr(0, max_field));
    const auto places = head.location.all();
    if (!places.empty()) made.location = places.front().substr(0, max_field);
    const auto types = head.content_type.all(), codings = head.content_encoding.all();
    const Reason reason = sts::judge({head.status, types, codings});
    if (reason != Reason::none) made.response_reason = base::to_string(reason);
}

} // namespace

/// The work on one address. Its time limit closes what is open.
class PolicyHosts::Try : public std::enable_shared_from_this<Try> {
public:
    Try(std::shared_ptr<Core> core, std::string host)
        : core_(std::move(core)), host_(std::move(host)), limit_(core_->executor), socket_(core_->executor) {}

    /// `proxy`: the address is that of a proxy.
    [[nodiscard]] asio::awaitable<Tried> run(tcp::endpoint remote, bool proxy) {
        const auto self = shared_from_this();
        const auto begun = steady_clock::now();
        Tried tried;
        tried.what.address = (proxy ? "proxy " : "") + remote.address().to_string();
        tried.what.at = core_->now();
        start_limit();
        const bool connected = co_await connect(remote, tried.what);
        if (connected) {
            stream_.emplace(std::move(socket_), *core_->tls, shared());
            bool there = true;
            if (proxy) {
                there = co_await tunnel(tried.what);
            }
            if (there) {
                there = co_await shake(tried.what);
            }
            if (there) {
                co_await respond(tried);
            }
            stream_->close();
        }
        limit_.cancel();
        tried.what.took_ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun).count();
        co_return tried;
    }

    [[nodiscard]] static asio::awaitable<void> run_one(std::shared_ptr<Core> core, std::string host,
                                                       tcp::endpoint remote, bool proxy,
                                                       std::shared_ptr<std::vector<Tried>> all,
                                                       std::size_t which) {
        const auto one = std::make_shared<Try>(std::move(core), std::move(host));
        Tried tried = co_await one->run(remote, proxy);
        (*all)[which] = std::move(tried);
    }

private:
    [[nodiscard]] fetch::TlsStream::Shared shared() const {
        fetch::TlsStream::Shared made;
        made.turns = core_->turns;
        return made;
    }

    void start_limit() {
        limit_.expires_after(core_->options.timeout);
        limit_.async_wait([weak = weak_from_this()](const error_code& cancelled) {
            const auto self = weak.lock();
            if (cancelled || !self) return;
            self->over_ = true;
            error_code ignored;
            if (self->stream_)
                self->stream_->close();
            else
                self->socket_.close(ignored);
        });
    }

    [[nodiscard]] std::string after() const {
        return " after " + std::to_string(core_->options.timeout.count()) + " ms";
    }

    asio::awaitable<bool> connect(tcp::endpoint remote, PolicyTry& made) {
        error_code opened;
        socket_.open(remote.protocol(), opened);
        if (opened) {
            fail(made, Reason::connect_failed, opened.message());
            co_return false;
        }
        const auto [error] = co_await socket_.async_connect(remote, no_throw);
        if (over_)
            fail(made, Reason::connect_timeout, "no connection" + after());
        else if (error)
            fail(made, error == asio::error::timed_out ? Reason::connect_timeout : Reason::connect_failed,
                 error.message());
        co_return !over_ && !error;
    }

    asio::awaitable<bool> tunnel(PolicyTry& made) {
        out_ = fetch::connect_request(host_, core_->options.port);
        const auto buffer = asio::buffer(out_);
        const auto [error, written] = co_await asio::async_write(stream_->socket(), buffer, no_throw);
        if (error) {
            fail(made, Reason::proxy_failed, "CONNECT: " + error.message());
            co_return false;
        }
        fetch::ConnectReader reader;
        for (;;) {
            const fetch::TlsStream::Read read = co_await stream_->read_before(in_);
            if (read.error) {
                fail(made, Reason::proxy_failed, "reply to CONNECT: " + words_of(read.error));
                co_return false;
            }
            const auto reply = reader.feed(std::string_view(in_.data(), read.octets));
            if (!reply) continue;
            if (!*reply) fail_first(made, reply->error());
            co_return static_cast<bool>(*reply);
        }
    }

    asio::awaitable<bool> shake(PolicyTry& made) {
        SSL* const tls = stream_->native_handle();
        if (!fetch::expect_host(tls, host_)) {
            fail(made, Reason::tls_handshake, "OpenSSL refuses the host name");
            co_return false;
        }
        // The certificate is judged as ever, but the handshake goes on.
        SSL_set_verify(tls, SSL_VERIFY_NONE, nullptr);
        const error_code error = co_await stream_->handshake();
        if (error) {
            if (over_)
                fail(made, Reason::fetch_timeout, "in the TLS handshake" + after());
            else
                fail(made, Reason::tls_handshake, "TLS handshake: " + words_of(error));
            co_return false;
        }
        made.tls = tls_of_policy_host(tls, host_);
        made.name_matches = has_name(tls, host_);
        if (const auto refused = fetch::certificate_verdict(tls)) fail_first(made, *refused);
        if (const auto wrong = fetch::wrong_protocol(tls)) {
            fail_first(made, *wrong);
            co_return false;
        }
        co_return true;
    }

    asio::awaitable<void> respond(Tried& tried) {
        PolicyTry& made = tried.what;
        if (const error_code error = stream_->write(fetch::policy_request(host_))) {
            if (made.reason.empty()) fail(made, Reason::tls_handshake, "request: " + words_of(error));
            co_return;
        }
        fetch::FinalHead heads;
        std::optional<fetch::BodyReader> body;
        for (std::size_t octets = 0;;) {
            const fetch::TlsStream::Read read = co_await stream_->read_some(in_);
            octets += read.octets;
            std::string_view text(in_.data(), read.octets);
            if (octets > fetch::max_wire) {
                if (made.reason.empty())
                    fail(made, Reason::http_too_large,
                         "response over " + std::to_string(fetch::max_wire) + " octets");
                co_return;
            }
            if (!body && read.octets > 0) {
                const auto head = heads.feed(text);
                if (!head) co_return fail_first(made, head.error());
                if (*head) {
                    take_head(made, **head);
                    if (made.status != 200) co_return; // its body is of no use
                    auto reader = fetch::BodyReader::of(**head);
                    if (!reader) co_return fail_first(made, reader.error());
                    body = std::move(*reader);
                }
            }
            if (body && read.octets > 0) {
                const auto complete = body->feed(text);
                if (!complete) co_return fail_first(made, complete.error());
                if (*complete) co_return take_body(tried, body->take());
            }
            if (!read.error) continue;
            if (over_) {
                if (made.reason.empty()) fail(made, Reason::fetch_timeout, "in the response" + after());
            } else if (!body) {
                fail_first(made, {Reason::http_truncated, no_head(heads, read.error)});
            } else if (const auto reason = body->finish(read.error == asio::error::eof)) {
                fail_first(made, *reason);
            } else {
                take_body(tried, body->take());
            }
            co_return;
        }
    }

    [[nodiscard]] std::string no_head(const fetch::FinalHead& heads, const error_code& error) const {
        std::string words = heads.untouched() ? "no response" : "the connection ended within the head";
        if (error != asio::error::eof) words += " (" + words_of(error) + ")";
        return words;
    }

    static void take_body(Tried& tried, std::string body) {
        tried.what.size = static_cast<std::int64_t>(body.size());
        if (tried.what.reason.empty() && tried.what.response_reason.empty()) tried.body = std::move(body);
    }

    [[nodiscard]] std::string words_of(const error_code& error) const {
        const std::string refusal = stream_->refusal();
        return refusal.empty() ? error.message() : refusal;
    }

    std::shared_ptr<Core> core_;
    std::string host_, out_;
    asio::steady_timer limit_;
    tcp::socket socket_;
    std::optional<fetch::TlsStream> stream_;
    std::array<char, 4096> in_{};
    bool over_ = false;
};

PolicyHosts::PolicyHosts(asio::any_io_executor executor, dns::Resolver& resolver, fetch::Options options,
                         Now now)
    : core_(std::make_shared<Core>(std::move(executor), resolver, std::move(options), std::move(now))) {}

PolicyHosts::~PolicyHosts() = default;

asio::awaitable<PolicyHost> PolicyHosts::look(std::string name) { return look_at(core_, std::move(name)); }

asio::awaitable<PolicyHost> PolicyHosts::look_at(std::shared_ptr<Core> core, std::string name) {
    PolicyHost host;
    host.name = name;
    const dns::Result aaaa = co_await core->resolver.resolve(name, dns::Type::aaaa, dns::Purpose::dane);
    const dns::Result a = co_await core->resolver.resolve(name, dns::Type::a, dns::Purpose::dane);
    host.aaaa = looked(name, dns::Type::aaaa, aaaa);
    host.a = looked(name, dns::Type::a, a);
    std::vector<fetch::Address> addresses;
    for (const net::IpAddress& address : addresses_of(aaaa, a)) {
        addresses.push_back(net::to_asio(address));
        host.addresses.push_back(to_string(address));
    }

    std::vector<tcp::endpoint> remotes;
    const net::Proxy& proxy = core->options.proxy;
    if (proxy) {
        // As the daemon: the proxy looks the policy host up, and judges its addresses.
        addresses.clear();
        if (proxy.address) {
            addresses.push_back(net::to_asio(*proxy.address));
        } else {
            const dns::Result six =
                co_await core->resolver.resolve(proxy.name, dns::Type::aaaa, dns::Purpose::address);
            const dns::Result four =
                co_await core->resolver.resolve(proxy.name, dns::Type::a, dns::Purpose::address);
            for (const net::IpAddress& address : addresses_of(six, four))
                addresses.push_back(net::to_asio(address));
        }
        if (addresses.size() > 1) addresses.resize(1);
    } else if (!core->options.allow_private_addresses && core->nat64->must_ask(addresses)) {
        const auto answered = std::make_shared<base::Event>(core->executor);
        core->nat64->ask([answered] { answered->notify(); });
        co_await answered->wait_until(steady_clock::now() + core->options.timeout);
    }
    if (addresses.size() > max_host_addresses) addresses.resize(max_host_addresses);

    const auto tried = std::make_shared<std::vector<Tried>>(addresses.size());
    Together together(core->executor);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const std::string_view what = proxy || core->options.allow_private_addresses
                                          ? std::string_view{}
                                          : core->nat64->not_public(addresses[i]);
        if (!what.empty()) {
            PolicyTry& refused = (*tried)[i].what;
            refused.address = addresses[i].to_string();
            refused.at = core->now();
            fail(refused, Reason::host_refused_address, refused.address + " is " + std::string(what));
            continue;
        }
        const tcp::endpoint remote{addresses[i], proxy ? proxy.port : core->options.port};
        together.spawn(Try::run_one(core, name, remote, static_cast<bool>(proxy), tried, i));
    }
    co_await together.wait();
    for (Tried& one : *tried) {
        if (!host.body && one.body) host.body = std::move(one.body);
        host.tries.push_back(std::move(one.what));
    }
    co_return host;
}

} // namespace check
