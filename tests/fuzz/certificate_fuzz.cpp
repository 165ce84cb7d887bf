// A policy host's certificate with any names, in a TLS handshake in memory: it is accepted when a dNSName is
// the policy host or a wildcard for its first label (by a second implementation of the rule), else it is
// refused with a reason.
//
// The input: lines, each a letter and octets: d dNSName, u URI, i iPAddress, c common name, p the protocol
// that the server chooses; f (two octets of position, one to xor) damages what the server sends; x expired.
#include "fuzz.hpp"

#include "fetch/certificate.hpp"
#include "support/test_ca.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/error.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

const std::string host = "mta-sts.example.com";

struct Spec {
    std::vector<std::pair<int, std::string>> names; ///< GEN_DNS, GEN_URI, GEN_IPADD
    std::string common_name;
    std::string protocol;
    std::optional<std::pair<std::size_t, unsigned>> damage;
    bool expired = false;
};

Spec read(fuzz::Script input) {
    Spec spec;
    while (!input.empty() && spec.names.size() < 20) {
        fuzz::Script line(input.until('\n'));
        switch (line.octet()) {
        case 'd': spec.names.emplace_back(GEN_DNS, line.rest()); break;
        case 'u': spec.names.emplace_back(GEN_URI, line.rest()); break;
        case 'i': spec.names.emplace_back(GEN_IPADD, line.rest()); break;
        case 'c': spec.common_name = line.rest().substr(0, 64); break;
        case 'p': spec.protocol = line.rest().substr(0, 255); break;
        case 'x': spec.expired = true; break;
        case 'f': {
            const unsigned at = line.number();
            spec.damage = {at, line.octet()};
            break;
        }
        default: break;
        }
    }
    return spec;
}

/// RFC 8461 section 3.3 and RFC 6125 section 6.4.
bool names_host(const Spec& spec) {
    for (const auto& [type, name] : spec.names) {
        std::string lower = name;
        for (char& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if (type == GEN_DNS && (lower == host || lower == "*.example.com")) return true;
    }
    return false;
}

const test::TestCa& ca() {
    static const test::TestCa made;
    return made;
}
EVP_PKEY* leaf_key() {
    static const test::Key key = test::make_ec_key();
    return key.get();
}

test::Cert certificate(const Spec& spec) {
    const test::Identity& issuer = ca().root();
    test::Cert cert{X509_new()};
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 4711);
    X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.cert.get()));
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), spec.expired ? -3600 : 3600);
    X509_set_pubkey(cert.get(), leaf_key());
    X509_NAME* subject = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_T61STRING,
                               reinterpret_cast<const unsigned char*>(spec.common_name.data()),
                               static_cast<int>(spec.common_name.size()), -1, 0);
    GENERAL_NAMES* names = GENERAL_NAMES_new();
    for (const auto& [type, octets] : spec.names) {
        ASN1_STRING* value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
        ASN1_STRING_set(value, octets.data(), static_cast<int>(octets.size()));
        GENERAL_NAME* name = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(name, type, value);
        sk_GENERAL_NAME_push(names, name);
    }
    if (!spec.names.empty()) X509_add1_ext_i2d(cert.get(), NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    fuzz::require(X509_sign(cert.get(), issuer.key.get(), EVP_sha256()) > 0, "a signed certificate");
    return cert;
}

int choose(SSL*, const unsigned char** out, unsigned char* length, const unsigned char*, unsigned,
           void* spec) {
    const std::string& protocol = static_cast<Spec*>(spec)->protocol;
    if (protocol.empty()) return SSL_TLSEXT_ERR_NOACK;
    *out = reinterpret_cast<const unsigned char*>(protocol.data());
    *length = static_cast<unsigned char>(protocol.size());
    return SSL_TLSEXT_ERR_OK;
}

SSL* over_memory(SSL_CTX* context) {
    SSL* tls = SSL_new(context);
    SSL_set_bio(tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return tls;
}

/// Moves the output of `from` to `to`; returns the number of octets.
std::size_t move(SSL* from, SSL* to, std::size_t moved, const Spec* spec) {
    std::string octets(BIO_ctrl_pending(SSL_get_wbio(from)), '\0');
    if (octets.empty()) return 0;
    const int count = BIO_read(SSL_get_wbio(from), octets.data(), static_cast<int>(octets.size()));
    octets.resize(static_cast<std::size_t>(count));
    if (spec && spec->damage && spec->damage->first >= moved && spec->damage->first - moved < octets.size()) {
        char& damaged = octets[spec->damage->first - moved];
        damaged = static_cast<char>(damaged ^ static_cast<char>(spec->damage->second));
    }
    BIO_write(SSL_get_rbio(to), octets.data(), count);
    return octets.size();
}

struct Owned {
    SSL* tls;
    ~Owned() { SSL_free(tls); }
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Spec spec = read(fuzz::Script(fuzz::view(data, size)));
    static const auto client_context = *fetch::make_client_context(ca().file());
    static SSL_CTX* const server_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_alpn_select_cb(server_context, choose, &spec);

    const Owned client{over_memory(client_context->native_handle())}, server{over_memory(server_context)};
    fuzz::require(fetch::expect_host(client.tls, host), "the name is one to expect");
    const test::Cert cert = certificate(spec);
    SSL_use_certificate(server.tls, cert.get());
    SSL_use_PrivateKey(server.tls, leaf_key());
    SSL_set_connect_state(client.tls);
    SSL_set_accept_state(server.tls);

    bool over = false, shaken = false;
    std::size_t moved = 0;
    for (int turns = 0; turns < 20 && !over; ++turns) {
        const int done = SSL_do_handshake(client.tls);
        shaken = done == 1;
        const std::size_t out = move(client.tls, server.tls, 0, nullptr);
        over = shaken || (done != 1 && SSL_get_error(client.tls, done) != SSL_ERROR_WANT_READ);
        (void)SSL_do_handshake(server.tls);
        ERR_clear_error();
        const std::size_t in = move(server.tls, client.tls, moved, &spec);
        moved += in;
        if (out + in == 0) break; // both wait for the other: a damaged length
    }
    std::optional<fetch::Failure> failure;
    if (shaken)
        failure = fetch::wrong_protocol(client.tls);
    else
        failure = fetch::handshake_failure(client.tls, boost::asio::error::eof);
    const bool good = names_host(spec) && !spec.expired;
    if (!failure) {
        fuzz::require(good, "no other host's certificate is taken");
        fuzz::require(spec.protocol.empty() || spec.protocol == "http/1.1", "no other protocol is taken");
        return 0;
    }
    const base::Reason reason = failure->reason;
    fuzz::require(reason == base::Reason::tls_handshake || reason == base::Reason::cert_untrusted ||
                      reason == base::Reason::cert_name_mismatch || reason == base::Reason::cert_expired,
                  "a reason of TLS");
    fuzz::require(!failure->detail.empty() && failure->detail.size() < 400, "words, and not too many");
    if (spec.damage) return 0;
    if (!good)
        fuzz::require(
            reason == (spec.expired ? base::Reason::cert_expired : base::Reason::cert_name_mismatch) ||
                (spec.expired && reason == base::Reason::cert_name_mismatch) ||
                (!spec.protocol.empty() && reason == base::Reason::tls_handshake),
            "the reason that is true");
    else
        fuzz::require(!spec.protocol.empty() && spec.protocol != "http/1.1", "a good certificate is taken");
    return 0;
}
