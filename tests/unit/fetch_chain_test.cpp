// What certificates may cost: which are refused before a signature is checked, how long the most expensive
// accepted handshake takes, and that such handshakes do not delay the others.
#include "fetch/chain.hpp"

#include "fetch/certificate.hpp"
#include "support/fetch_world.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::ca;
using test::CertSpec;
using test::Fetched;
using test::good;
using test::Identity;
using test::Key;
using test::reason;
using test::show;
using test::TlsServer;

const std::string host = test::policy_host;

/// A public key that nobody has the private one of.
Key public_rsa(int bits, int exponent_bits = 17) {
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> n{BN_new(), BN_free}, e{BN_new(), BN_free};
    BN_rand(n.get(), bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    if (exponent_bits == 17) {
        BN_set_word(e.get(), 65537);
    } else {
        for (int i = 0; i < exponent_bits; ++i) BN_set_bit(e.get(), i);
    }
    const std::unique_ptr<OSSL_PARAM_BLD, void (*)(OSSL_PARAM_BLD*)> build{OSSL_PARAM_BLD_new(),
                                                                           OSSL_PARAM_BLD_free};
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    OSSL_PARAM* const params = OSSL_PARAM_BLD_to_param(build.get());
    EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return Key{key};
}

Key ec(const char* curve, bool with_parameters = false) {
    EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_CTX_set_group_name(context, curve);
    if (with_parameters) EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE);
    EVP_PKEY_generate(context, &key);
    EVP_PKEY_CTX_free(context);
    return Key{key};
}

Key make(const char* type) { return Key{EVP_PKEY_Q_keygen(nullptr, nullptr, type)}; }

Key dsa() {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr);
    EVP_PKEY *parameters = nullptr, *key = nullptr;
    EVP_PKEY_paramgen_init(context);
    EVP_PKEY_CTX_set_dsa_paramgen_bits(context, 1024);
    EVP_PKEY_paramgen(context, &parameters);
    EVP_PKEY_CTX_free(context);
    context = EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr);
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_keygen(context, &key);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(parameters);
    return Key{key};
}

/// Certificates as they come over the wire: their content, without what OpenSSL has cached about them.
class Sent {
public:
    explicit Sent(const Identity& identity) : stack_(sk_X509_new_null()) {
        add(identity.cert.get());
        for (const auto& cert : identity.chain) add(cert.get());
    }
    ~Sent() { sk_X509_pop_free(stack_, X509_free); }
    Sent(const Sent&) = delete;
    Sent& operator=(const Sent&) = delete;
    [[nodiscard]] STACK_OF(X509) * get() const { return stack_; }

private:
    void add(X509* cert) {
        unsigned char* der = nullptr;
        const int size = i2d_X509(cert, &der);
        const unsigned char* at = der;
        sk_X509_push(stack_, d2i_X509(nullptr, &at, size));
        OPENSSL_free(der);
    }
    STACK_OF(X509) * stack_;
};

std::string refusal(const Identity& identity) {
    const Sent sent(identity);
    return fetch::chain_refusal(sent.get()).value_or("");
}
bool dear(const Identity& identity) {
    const Sent sent(identity);
    return fetch::is_dear(sent.get());
}

Identity with_key(Key key) {
    CertSpec spec;
    spec.dns = {host};
    return ca().leaf_of(spec, std::move(key));
}

/// A chain of `below` certificates under the root, including the leaf. The keys of the intermediates are from
/// `make_key`.
template <class MakeKey>
Identity long_chain(int below, CertSpec leaf, MakeKey make_key) {
    Identity issuer = ca().root();
    for (int i = 1; i < below; ++i) {
        CertSpec spec;
        spec.ca = true;
        spec.cn = "intermediate " + std::to_string(i);
        const bool first = i == 1;
        issuer = test::issue(issuer, spec, make_key());
        if (first) issuer.chain.clear(); // the root is not sent
    }
    return test::issue(issuer, leaf);
}

CertSpec names(std::size_t count) {
    CertSpec spec;
    for (std::size_t i = 1; i < count; ++i) spec.dns.push_back("n" + std::to_string(i) + ".example.net");
    spec.dns.push_back(host);
    return spec;
}

/// An intermediate with this many name constraints.
Identity constrained(std::size_t count) {
    CertSpec spec;
    for (std::size_t i = 0; i < count; ++i)
        spec.excluded += (i == 0 ? "x" : ",excluded;DNS:x") + std::to_string(i) + ".example.org";
    return ca().another_intermediate(spec);
}

TEST(Chain, RefusesKeysThatAreNobodysOrTooDear) {
    EXPECT_EQ(refusal(with_key(public_rsa(8192))), "");
    EXPECT_EQ(refusal(with_key(public_rsa(8193))), "certificate 1: RSA key of 8193 bits, at most 8192");
    EXPECT_EQ(refusal(with_key(public_rsa(16384))), "certificate 1: RSA key of 16384 bits, at most 8192");
    EXPECT_EQ(refusal(with_key(public_rsa(2048, 64))), "");
    EXPECT_EQ(refusal(with_key(public_rsa(2048, 65))), "certificate 1: RSA exponent of 65 bits, at most 64");
    for (const char* curve : {"P-256", "P-384", "P-521"})
        EXPECT_EQ(refusal(with_key(ec(curve))), "") << curve;
    for (const char* curve : {"brainpoolP512r1", "secp256k1", "sect571r1", "secp224r1"})
        EXPECT_EQ(refusal(with_key(ec(curve))),
                  "certificate 1: EC key on curve " + std::string(curve) + ", only P-256, P-384 and P-521");
    for (const char* curve : {"P-256", "brainpoolP512r1"})
        EXPECT_EQ(refusal(with_key(ec(curve, true))), "certificate 1: EC key with explicit parameters");
    EXPECT_EQ(refusal(with_key(make("ED25519"))), "");
    EXPECT_EQ(refusal(with_key(make("ED448"))), "");
    EXPECT_EQ(refusal(with_key(dsa())), "certificate 1: key of type DSA, only RSA, EC, Ed25519 and Ed448");
    // Any of the sent certificates may be the bad one.
    Identity leaf = ca().leaf({host});
    leaf.chain.push_back(with_key(public_rsa(9000)).cert);
    EXPECT_EQ(refusal(leaf), "certificate 3: RSA key of 9000 bits, at most 8192");
}

TEST(Chain, RefusesTooManyCertificatesNamesAndComparisons) {
    const auto p256 = [] { return test::make_ec_key(); };
    EXPECT_EQ(refusal(long_chain(16, names(1), p256)), "");
    EXPECT_EQ(refusal(long_chain(fetch::max_certificates, names(1), p256)), "");
    EXPECT_EQ(refusal(long_chain(fetch::max_certificates + 1, names(1), p256)),
              "21 certificates, at most 20");
    EXPECT_EQ(refusal(ca().leaf_of(names(2000))), "");
    EXPECT_EQ(refusal(ca().leaf_of(names(fetch::max_names))), "");
    EXPECT_EQ(refusal(ca().leaf_of(names(fetch::max_names + 1))),
              "2049 names in the certificates, at most 2048");
    EXPECT_EQ(refusal(test::issue(constrained(500), names(2000))), "");
    EXPECT_EQ(refusal(test::issue(constrained(600), names(2000))),
              "2002 names under 600 name constraints, at most 1048576 comparisons");
}

TEST(Chain, KnowsWhatIsDear) {
    EXPECT_FALSE(dear(ca().leaf({host})));
    EXPECT_FALSE(dear(with_key(public_rsa(4096))));
    EXPECT_TRUE(dear(with_key(public_rsa(4097))));
    EXPECT_TRUE(dear(with_key(public_rsa(2048, 64))));
    EXPECT_FALSE(dear(ca().leaf_of(names(100))));
    EXPECT_TRUE(dear(ca().leaf_of(names(2000))));
    EXPECT_TRUE(dear(long_chain(5, names(1), [] { return test::make_ec_key(); })));
    EXPECT_TRUE(dear(test::issue(constrained(200), names(100))));
    CertSpec padded = names(1);
    padded.padding = 20'000;
    EXPECT_TRUE(dear(ca().leaf_of(padded)));
}

struct ChainTest : test::FetchTest {
    static milliseconds cpu(clockid_t clock) {
        timespec now{};
        ::clock_gettime(clock, &now);
        return std::chrono::duration_cast<milliseconds>(std::chrono::seconds{now.tv_sec} +
                                                        std::chrono::nanoseconds{now.tv_nsec});
    }
};

TEST_F(ChainTest, IsRefusedBeforeASignatureIsChecked) {
    TlsServer server{ca().leaf({"unused.example"}), good()};
    options.port = server.port();
    // The second certificate has a key that cannot have signed anything: the verdict is not about that.
    Identity large = ca().leaf({host});
    CertSpec spec;
    spec.ca = true;
    spec.cn = "test intermediate";
    large.chain.insert(large.chain.begin(), test::issue(ca().root(), spec, public_rsa(16384)).cert);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        test::Script script = good();
        script.min_version = script.max_version = version;
        server.set_script(script);
        server.on_sni(host, large);
        EXPECT_EQ(show(get()),
                  "cert-untrusted: certificate 2: RSA key of 16384 bits, at most 8192 at 127.0.0.1");
        server.on_sni(host, with_key(ec("P-256", true)));
        EXPECT_EQ(show(get()), "cert-untrusted: certificate 1: EC key with explicit parameters at 127.0.0.1");
    }
}

TEST_F(ChainTest, AsManyOctetsAsEverAndNoMore) {
    TlsServer server{ca().leaf({"unused.example"}), good()};
    options.port = server.port();
    CertSpec spec;
    spec.dns = {host};
    spec.padding = fetch::max_cert_list - 2000;
    server.on_sni(host, ca().leaf_of(spec));
    EXPECT_EQ(show(get()), "body");
    spec.padding = fetch::max_cert_list;
    server.on_sni(host, ca().leaf_of(spec));
    EXPECT_EQ(show(get()),
              "tls-handshake: TLS handshake: excessive message size (SSL routines) at 127.0.0.1");
}

/// 16 certificates with RSA keys of 8,192 bits would take minutes to make. P-384 is the most expensive curve,
/// and 2,000 names under 500 constraints need about as many comparisons as are allowed.
Identity make_dearest() {
    CertSpec leaf = names(2000);
    for (std::string& name : leaf.dns)
        if (name != host) name = name.substr(0, name.find('.')) + ".x.net";
    leaf.dns.push_back("*.dear.example");
    Identity issuer = constrained(500);
    for (int i = 0; i < 14; ++i) {
        CertSpec spec;
        spec.ca = true;
        spec.cn = "intermediate " + std::to_string(i);
        issuer = test::issue(issuer, spec, ec("P-384"));
    }
    return test::issue(issuer, leaf, ec("P-384"));
}
const Identity& dearest() {
    static const Identity made = make_dearest();
    return made;
}

TEST_F(ChainTest, TheDearestHandshakesLeaveTheLoopAndHonestHostsAlone) {
    ASSERT_EQ(refusal(dearest()), "");
    TlsServer dear_server{dearest(), good()};
    TlsServer honest{ca().leaf({host}), good(), {"127.0.0.2"}, dear_server.port()};
    options.port = dear_server.port();
    options.max_per_address = 64;
    resolver.set("h.dear.example", {"127.0.0.1"});
    resolver.set(host, {"127.0.0.2"});
    (void)fetcher();
    const auto loop_before = cpu(CLOCK_THREAD_CPUTIME_ID);
    const auto began = steady_clock::now();
    EXPECT_EQ(show(get("h.dear.example")), "body") << "dear, but within all limits";
    const auto one = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
    const auto on_loop = cpu(CLOCK_THREAD_CPUTIME_ID) - loop_before;
    EXPECT_LE(on_loop, milliseconds{60});

    std::vector<std::shared_ptr<std::optional<Fetched>>> dear_ones;
    milliseconds slowest{0};
    for (int round = 0; round < 5; ++round) {
        while (dear_ones.size() < 10) dear_ones.push_back(begin("h.dear.example"));
        const auto begun = steady_clock::now();
        const auto result = begin(host);
        run_until([&] {
            std::erase_if(dear_ones, [](const auto& it) { return it->has_value(); });
            while (dear_ones.size() < 10) dear_ones.push_back(begin("h.dear.example"));
            return result->has_value();
        });
        EXPECT_EQ(show(*result), "body");
        slowest = std::max(slowest, std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun));
    }
    // A few of the expensive handshakes may run before it, on a machine as busy as before.
    EXPECT_LT(slowest, std::max(milliseconds{1000}, 5 * one));
    std::printf("dearest handshake %lld ms, of these the loop's %lld; beside ten, honest in %lld ms\n",
                static_cast<long long>(one.count()), static_cast<long long>(on_loop.count()),
                static_cast<long long>(slowest.count()));
    fetcher_.reset(); // while the thread is at work
    run_until([&] {
        return std::all_of(dear_ones.begin(), dear_ones.end(),
                           [](const auto& it) { return it->has_value(); });
    });
    for (const auto& it : dear_ones) EXPECT_TRUE(it->has_value());
}

// Otherwise the thread would post to a queue that is being emptied, which the thread sanitizer reports here.
TEST_F(ChainTest, TheThreadIsStoppedBeforeHandlersAreDropped) {
    TlsServer server{dearest(), good()};
    options.port = server.port();
    resolver.set("h.dear.example", {"127.0.0.1"});
    for (int round = 0; round < 10; ++round) {
        struct Loop : boost::asio::io_context {
            Loop() : io_context(1) {}
            void drop_handlers() { shutdown(); }
        } loop;
        fetch::HttpsFetcher fetcher(loop.get_executor(), resolver, options, log);
        std::size_t ended = 0;
        for (int i = 0; i < 8; ++i)
            boost::asio::co_spawn(loop, fetcher.get("h.dear.example"),
                                  [&](const std::exception_ptr&, const fetch::Result&) { ++ended; });
        const auto until = steady_clock::now() + std::chrono::seconds{20};
        while (ended == 0 && steady_clock::now() < until) loop.run_one_for(milliseconds{20});
        EXPECT_GT(ended, 0U);
        EXPECT_LT(ended, 8U) << "some are under way in the thread";
        fetcher.stop_thread();
        loop.drop_handlers();
    }
}

} // namespace
