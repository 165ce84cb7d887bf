// tls_fetch.json: each vector's condition becomes a real server with a real certificate on loopback
// addresses, and the real fetcher fetches from it. Conditions that are not understood are failures.
#include "base/domain.hpp"
#include "fetch/https_fetcher.hpp"
#include "support/address_resolver.hpp"
#include "support/memory_log.hpp"
#include "support/test_ca.hpp"
#include "support/tls_server.hpp"
#include "vectors_runner/runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <openssl/ssl.h>

#include <chrono>
#include <cstdlib>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>

namespace vectors {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using test::Script;
using Fetched = fetch::Result;

const std::string policy = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n";

// Instead of 60 s: on this machine's own addresses 3 s are enough to see that nobody answers.
constexpr milliseconds whole_fetch{3000};

struct Unknown : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::vector<std::string> strings(const json& value) {
    if (value.is_null()) return {};
    if (value.is_string()) return {value.get<std::string>()};
    return value.get<std::vector<std::string>>();
}

/// "+1d", "-2h", "-30m", "+5s" from now; a number counts days.
std::chrono::seconds offset(const json& value) {
    if (value.is_number()) return std::chrono::hours{24 * value.get<int>()};
    const std::string text = value.get<std::string>();
    std::size_t end = 0;
    const long count = std::stol(text, &end);
    const std::string unit = text.substr(end);
    if (unit == "d") return std::chrono::hours{24 * count};
    if (unit == "h") return std::chrono::hours{count};
    if (unit == "m") return std::chrono::minutes{count};
    if (unit == "s") return std::chrono::seconds{count};
    if (unit == "y") return std::chrono::hours{24 * 365 * count};
    throw Unknown("time " + text);
}

int tls_version(const json& value) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.starts_with("TLS")) text = text.substr(text.find_first_of("0123456789"));
    if (text == "1.0" || text == "1") return TLS1_VERSION;
    if (text == "1.1") return TLS1_1_VERSION;
    if (text == "1.2") return TLS1_2_VERSION;
    if (text == "1.3") return TLS1_3_VERSION;
    throw Unknown("TLS version " + text);
}

/// One vector's world. Lives until all vectors have run.
class Case {
public:
    Case(const json& vector, const test::TestCa& ca, asio::io_context& io)
        : vector_(vector), condition_(vector.at("condition")), ca_(ca), io_(io) {}

    const json& vector() const { return vector_; }

    /// Builds server, resolver and fetcher. Throws Unknown for conditions that it cannot make.
    void prepare() {
        host_ = vector_.at("policy_host").get<std::string>();
        if (condition_.contains("query")) {
            // As in the daemon: Postfix's key becomes the policy domain, then the policy host.
            const auto domain = base::Domain::parse(condition_.at("query").get<std::string>());
            if (!domain) throw Unknown("query that is no domain");
            host_ = domain->policy_host();
        }
        options_.ca_file = ca_.file();
        options_.allow_private_addresses = true;
        options_.timeout = whole_fetch;
        spec_.dns = {host_};
        script_.response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                           std::to_string(policy.size()) + "\r\n\r\n" + policy;
        for (const auto& [key, value] : condition_.items()) understand(key, value);
        build();
    }

    void start() {
        asio::co_spawn(io_, fetcher_->get(host_), [this](std::exception_ptr error, Fetched fetched) {
            if (!error) fetched_ = std::move(fetched);
        });
    }

    /// Returns "" when the outcome is an allowed one.
    [[nodiscard]] std::string judge() const {
        if (!fetched_) return "the fetch threw";
        if (*fetched_ && (*fetched_)->body != policy) return "accepted another body";
        for (const std::string& name : servers_.front()->sni())
            if (name != host_ || (!expect_sni_.empty() && name != expect_sni_)) return "SNI was " + name;
        if (!expect_sni_.empty() && servers_.front()->sni().empty()) return "no SNI was sent";
        if (!expect_host_.empty()) {
            for (const std::string& request : servers_.front()->requests())
                if (request.find("\r\nHost: " + expect_host_ + "\r\n") == std::string::npos)
                    return "request was " + request;
            if (servers_.front()->requests().empty()) return "no request was sent";
        }
        for (const json& outcome : outcomes(vector_)) {
            if (outcome.at("accept").get<bool>() != fetched_->has_value()) continue;
            if (*fetched_ || !outcome.contains("tlsrpt")) return "";
            if (outcome.at("tlsrpt").get<std::string>() == base::tlsrpt_result(fetched_->error().reason))
                return "";
        }
        std::string came = "accepted";
        if (!*fetched_)
            came = "refused, " + std::string(base::to_string(fetched_->error().reason)) + ": " +
                   fetched_->error().detail;
        return "expected " + vector_.at("expect").dump() + ", came " + came;
    }

private:
    void understand(const std::string& key, const json& value) {
        if (key == "san_dns")
            spec_.dns = strings(value);
        else if (key == "cn")
            spec_.cn = value.get<std::string>();
        else if (key == "san_ip")
            spec_.ip = strings(value);
        else if (key == "san_other" || key == "san_uri" || key == "san_srv")
            other_name(key, value);
        else if (key == "san_email")
            spec_.email = strings(value);
        else if (key == "not_before")
            spec_.not_before = offset(value);
        else if (key == "not_after")
            expires(offset(value));
        else if (key == "chain")
            chain_ = value.get<std::string>();
        else if (key == "key")
            key_ = value.get<std::string>();
        else if (key == "signature" || key == "sig" || key == "hash")
            signature(value.get<std::string>());
        else if (key == "eku" || key == "usage")
            usage(value);
        else if (key == "ocsp")
            ocsp_ = value.get<std::string>();
        else if (key == "tls_max")
            script_.max_version = tls_version(value);
        else if (key == "tls_min")
            script_.min_version = tls_version(value);
        else if (key == "tls")
            script_.min_version = script_.max_version = tls_version(value);
        else if (key == "alpn_selected" || key == "alpn")
            alpn(value);
        else if (key == "alpn_offered")
            offered(value);
        else if (key == "server")
            server(value.get<std::string>());
        else if (key == "sni" || key == "expect_sni")
            expect_sni_ = value.get<std::string>();
        else if (key == "expect_host")
            expect_host_ = value.get<std::string>();
        else if (key == "query")
            return;
        else if (key == "cname")
            cname_ = value.get<std::string>();
        else if (key == "addr")
            addr(value);
        else if (key == "a")
            addresses(value, a_);
        else if (key == "aaaa")
            addresses(value, aaaa_);
        else if (key == "port443")
            port443(value.get<std::string>());
        else if (key == "port80")
            return; // we never connect to it: the fetcher knows only one port
        else if (key == "handshake" || key == "tls_handshake")
            handshake(value.get<std::string>());
        else if (key == "client_auth")
            client_certificate(value.get<std::string>());
        else if (key == "alert")
            alert(value.get<std::string>());
        else if (key == "env")
            environment(value);
        else if (key == "proxy")
            throw Unknown("proxy");
        else
            throw Unknown(key);
    }

    void other_name(const std::string& key, const json& value) {
        for (const std::string& name : strings(value)) {
            const bool uri =
                key == "san_uri" || (key == "san_other" && name.find("://") != std::string::npos);
            (uri ? spec_.uri : spec_.srv).push_back(name);
        }
    }

    void expires(std::chrono::seconds when) {
        spec_.not_after = when;
        if (spec_.not_before >= when) spec_.not_before = when - std::chrono::hours{24 * 30};
    }

    void signature(const std::string& name) {
        if (name == "sha1")
            spec_.sha1 = true;
        else if (name != "sha256")
            throw Unknown("signature " + name);
    }

    void alpn(const json& value) {
        if (value.is_null() || value == "none")
            script_.alpn = "";
        else
            script_.alpn = value.get<std::string>();
    }

    void offered(const json& value) {
        if (strings(value) != std::vector<std::string>{"http/1.1"})
            throw Unknown("alpn_offered " + value.dump());
    }

    void server(const std::string& text) {
        if (text == "certificate depends on SNI")
            by_sni_ = true;
        else
            handshake(text);
    }

    void port443(const std::string& text) {
        if (text == "open") return;
        if (text == "closed" || text == "refused")
            a_ = {"refused"};
        else if (text == "filtered" || text == "blackhole" || text == "timeout")
            a_ = {"blackhole"};
        else
            handshake(text);
    }

    void handshake(const std::string& text) {
        if (text == "ok") return;
        if (text == "never" || text == "never answered" || text == "silent" || text == "hang" ||
            text == "timeout" || text == "stall" || text == "stalled" || text == "none")
            script_.silent = true;
        else if (text == "plaintext" || text == "plain" || text == "http" || text == "plain http" ||
                 text == "plaintext http" || text == "plain HTTP")
            script_.plaintext = true;
        else if (text == "smtp")
            script_.before_tls = "220 mail.example.com ESMTP\r\n";
        else if (text == "reset" || text == "rst")
            script_.reset_at = Script::Stage::hello;
        else if (text == "closed" || text == "close" || text == "eof")
            script_.reset_at = Script::Stage::accept;
        else
            throw Unknown("server " + text);
    }

    void usage(const json& value) {
        for (const std::string& name : strings(value)) spec_.usage += (spec_.usage.empty() ? "" : ",") + name;
    }

    void client_certificate(const std::string& text) {
        using enum Script::ClientCertificate;
        if (text != "none" && text != "optional" && text != "required") throw Unknown("client_auth " + text);
        script_.client_certificate = text == "none" ? unasked : text == "optional" ? optional : required;
    }

    void alert(const std::string& name) {
        if (name == "unrecognized_name" || name == "unrecognised_name")
            script_.alert = SSL_AD_UNRECOGNIZED_NAME;
        else if (name == "handshake_failure")
            script_.alert = SSL_AD_HANDSHAKE_FAILURE;
        else if (name == "internal_error")
            script_.alert = SSL_AD_INTERNAL_ERROR;
        else if (name == "access_denied")
            script_.alert = SSL_AD_ACCESS_DENIED;
        else if (name == "protocol_version")
            script_.alert = SSL_AD_PROTOCOL_VERSION;
        else
            throw Unknown("alert " + name);
    }

    /// The states of the addresses of one type ("ok", "refused", ...), or the addresses themselves.
    void addresses(const json& value, std::vector<std::string>& states) {
        boost::system::error_code error;
        const std::vector<std::string> texts = strings(value);
        if (!texts.empty()) (void)asio::ip::make_address(texts.front(), error);
        if (!texts.empty() && !error)
            addr(value);
        else
            states = texts;
    }

    void environment(const json& value) {
        // Nobody answers there, so a fetcher that obeys the variable fails. It stays set for the other
        // vectors, which must ignore it, too.
        static constexpr const char* nobody = "http://127.0.0.1:1";
        if (value.is_object())
            for (const auto& [name, text] : value.items())
                ::setenv(name.c_str(), text.get<std::string>().c_str(), 1);
        else
            for (const std::string& name : strings(value))
                ::setenv(name.substr(0, name.find('=')).c_str(), nobody, 1);
    }

    void addr(const json& value) {
        for (const std::string& text : strings(value)) {
            boost::system::error_code error;
            (void)asio::ip::make_address(text, error);
            if (!error) {
                // A literal address: private ones are refused, as by default in the daemon.
                literal_.push_back(text);
                options_.allow_private_addresses = false;
            } else {
                dns_ = text;
            }
        }
    }

    test::Identity identity() {
        const auto rsa = [this] { return key_.starts_with("rsa") ? std::stoi(key_.substr(3)) : 0; };
        if (!key_.empty() && !key_.starts_with("rsa") && key_ != "ec" && key_ != "p256" && key_ != "ecdsa")
            throw Unknown("key " + key_);
        if (key_ == "rsa1024") spec_.sha1 = true; // the vectors mean both weaknesses
        test::Key key = rsa() ? test::make_rsa_key(rsa()) : test::make_ec_key();
        using std::chrono::hours;
        test::CertSpec ca;
        if (chain_ == "trusted" || chain_ == "ok") return ca_.leaf_of(spec_, std::move(key));
        if (chain_ == "self-signed" || chain_ == "selfsigned")
            return test::self_signed(spec_, std::move(key));
        if (chain_ == "unknown-ca" || chain_ == "untrusted" || chain_ == "unknown-root" ||
            chain_ == "self-signed-root" || chain_ == "untrusted-root") {
            const test::TestCa unknown;
            test::Identity made = unknown.leaf_of(spec_, std::move(key));
            made.chain.push_back(unknown.root().cert); // sending a root does not make it trusted
            return made;
        }
        if (chain_ == "incomplete" || chain_ == "missing-intermediate") {
            test::Identity made = ca_.leaf_of(spec_, std::move(key));
            made.chain.clear();
            return made;
        }
        if (chain_ == "with-root" || chain_ == "trusted-with-root") {
            test::Identity made = ca_.leaf_of(spec_, std::move(key));
            made.chain.push_back(ca_.root().cert);
            return made;
        }
        if (chain_ == "direct" || chain_ == "root-signed") {
            test::Identity made = test::issue(ca_.root(), spec_, std::move(key));
            made.chain.clear();
            return made;
        }
        if (chain_ == "expired" || chain_ == "expired-leaf") {
            expires(-hours{24});
            return ca_.leaf_of(spec_, std::move(key));
        }
        if (chain_ == "not-yet-valid" || chain_ == "future") {
            spec_.not_before = hours{24};
            return ca_.leaf_of(spec_, std::move(key));
        }
        if (chain_ == "expired-intermediate") {
            ca.not_before = -hours{24 * 30};
            ca.not_after = -hours{24};
        } else if (chain_ == "not-yet-valid-intermediate" || chain_ == "future-intermediate") {
            ca.not_before = hours{24};
        } else if (chain_.starts_with("name-constrained ")) {
            ca.permitted = chain_.substr(chain_.find(' ') + 1);
        } else if (chain_.starts_with("name-excluded ")) {
            ca.excluded = chain_.substr(chain_.find(' ') + 1);
        } else {
            throw Unknown("chain " + chain_);
        }
        return test::issue(ca_.another_intermediate(ca), spec_, std::move(key));
    }

    void build() {
        const test::Identity leaf = identity();
        if (!ocsp_.empty()) {
            if (ocsp_ != "good" && ocsp_ != "revoked") throw Unknown("ocsp " + ocsp_);
            script_.ocsp = test::ocsp_response(leaf, ca_.intermediate(), ocsp_ == "revoked");
        }
        // IPv4 addresses for A: 127.0.0.1, .2, ...; for AAAA: ::1, the only IPv6 one, then v4-mapped ones.
        std::vector<std::string> all, ok, holes;
        const auto place = [&](const std::vector<std::string>& states, bool v6) {
            for (std::size_t i = 0; i < states.size(); ++i) {
                const std::string& state = states[i];
                if (state == "none" || state == "NODATA" || state == "NXDOMAIN") continue;
                const std::string v4 = "127.0." + std::string(v6 ? "1." : "0.") + std::to_string(i + 1);
                const std::string address = !v6 ? v4 : i == 0 ? "::1" : "::ffff:" + v4;
                all.push_back(address);
                const std::string bindable = v6 && i > 0 ? v4 : address;
                if (state == "ok")
                    ok.push_back(bindable);
                else if (state == "blackhole" || state == "timeout" || state == "unreachable" ||
                         state == "filtered")
                    holes.push_back(bindable);
                else if (state == "SERVFAIL")
                    all.pop_back();
                else if (state != "refused" && state != "closed")
                    throw Unknown("address " + state);
            }
        };
        if (a_.empty() && aaaa_.empty()) a_ = {"ok"};
        place(a_, false);
        place(aaaa_, true);

        // If no address answers, a server on another address still holds the port.
        if (ok.empty()) ok.push_back("127.0.255.1");
        servers_.push_back(std::make_unique<test::TlsServer>(leaf, script_, ok));
        options_.port = servers_.front()->port();
        for (const std::string& address : holes) holes_.emplace_back(address, options_.port);
        if (by_sni_) {
            // Without the right SNI the server shows another host's certificate.
            servers_.front()->on_sni(host_, leaf);
            servers_.front()->on_sni("", ca_.leaf({"default.example.net"}));
        }

        if (!literal_.empty()) all = literal_;
        if (dns_.empty() || dns_ == "ok") {
            resolver_.set(host_, all);
            for (const auto& [states, type] :
                 {std::pair(&a_, dns::Type::a), std::pair(&aaaa_, dns::Type::aaaa)})
                if (*states == std::vector<std::string>{"SERVFAIL"})
                    resolver_.fail(host_, type, base::Reason::dns_servfail);
        } else if (dns_ == "NODATA" || dns_ == "none") {
            resolver_.set(host_, {});
        } else if (dns_ != "NXDOMAIN") {
            const base::Reason reason = dns_ == "SERVFAIL"                       ? base::Reason::dns_servfail
                                        : dns_ == "REFUSED"                      ? base::Reason::dns_refused
                                        : dns_ == "timeout" || dns_ == "TIMEOUT" ? base::Reason::dns_timeout
                                                                                 : base::Reason::none;
            if (reason == base::Reason::none) throw Unknown("addr " + dns_);
            resolver_.fail(host_, dns::Type::a, reason);
            resolver_.fail(host_, dns::Type::aaaa, reason);
        }
        if (!cname_.empty()) resolver_.alias(host_, cname_);
        fetcher_ = std::make_unique<fetch::HttpsFetcher>(io_.get_executor(), resolver_, options_, log_);
    }

    const json& vector_;
    const json& condition_;
    const test::TestCa& ca_;
    asio::io_context& io_;

    std::string host_;
    test::CertSpec spec_;
    Script script_;
    fetch::Options options_;
    std::string chain_ = "trusted", key_, ocsp_, cname_, dns_, expect_sni_, expect_host_;
    std::vector<std::string> a_, aaaa_, literal_;
    bool by_sni_ = false;

    test::MemoryLog log_;
    test::AddressResolver resolver_;
    std::vector<std::unique_ptr<test::TlsServer>> servers_;
    std::list<test::BlackHole> holes_;
    std::unique_ptr<fetch::HttpsFetcher> fetcher_;
    std::optional<Fetched> fetched_;
};

} // namespace

void run_tls_fetch(const json& vectors, Report& report) {
    const test::TestCa ca;
    asio::io_context io{1};
    std::vector<std::unique_ptr<Case>> cases;
    for (const json& vector : vectors) {
        auto item = std::make_unique<Case>(vector, ca, io);
        try {
            item->prepare();
            item->start();
            cases.push_back(std::move(item));
        } catch (const Unknown& unknown) {
            report.fail(vector, std::string("unknown condition ") + unknown.what());
        } catch (const std::exception& e) {
            report.fail(vector, e.what());
        }
    }
    io.run();
    for (const auto& item : cases) {
        const std::string wrong = item->judge();
        if (wrong.empty())
            report.pass(item->vector());
        else
            report.fail(item->vector(), wrong);
    }
}

} // namespace vectors
