#include "support/test_ca.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace test {

namespace {

void must(bool done, const char* what) {
    if (done) return;
    char text[256] = "";
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    throw std::runtime_error(std::string(what) + ": " + text);
}

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    must(extension != nullptr, value.c_str());
    const bool added = X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    must(added, "X509_add_ext");
}

void add_name(GENERAL_NAMES* names, int type, const std::string& text) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    must(name && sk_GENERAL_NAME_push(names, name) > 0, "GENERAL_NAME");
    if (type == GEN_IPADD) {
        ASN1_OCTET_STRING* octets = a2i_IPADDRESS(text.c_str());
        must(octets != nullptr, text.c_str());
        GENERAL_NAME_set0_value(name, type, octets);
        return;
    }
    ASN1_IA5STRING* string = ASN1_IA5STRING_new();
    must(string && ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) == 1, "IA5String");
    if (type == GEN_OTHERNAME) { // SRV-ID (RFC 4985): id-on-dnsSRV, an IA5String
        ASN1_TYPE* value = ASN1_TYPE_new();
        must(value != nullptr, "ASN1_TYPE");
        ASN1_TYPE_set(value, V_ASN1_IA5STRING, string);
        must(GENERAL_NAME_set0_othername(name, OBJ_txt2obj("1.3.6.1.5.5.7.8.7", 1), value) == 1, "otherName");
        return;
    }
    GENERAL_NAME_set0_value(name, type, string);
}

void add_padding(X509* cert, std::size_t size) {
    const std::string octets(size, 'p');
    std::unique_ptr<ASN1_OCTET_STRING, void (*)(ASN1_OCTET_STRING*)> value{ASN1_OCTET_STRING_new(),
                                                                           ASN1_OCTET_STRING_free};
    std::unique_ptr<ASN1_OBJECT, void (*)(ASN1_OBJECT*)> kind{OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1),
                                                              ASN1_OBJECT_free};
    must(value && kind &&
             ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(octets.data()),
                                   static_cast<int>(size)) == 1,
         "padding");
    std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension{
        X509_EXTENSION_create_by_OBJ(nullptr, kind.get(), 0, value.get()), X509_EXTENSION_free};
    must(extension && X509_add_ext(cert, extension.get(), -1) == 1, "padding");
}

// Names are set as objects, not through OpenSSL's configuration syntax, so that any octets can be put into
// one.
void add_names(X509* cert, const CertSpec& spec) {
    GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
    must(names != nullptr, "GENERAL_NAMES");
    for (const auto& text : spec.dns) add_name(names, GEN_DNS, text);
    for (const auto& text : spec.ip) add_name(names, GEN_IPADD, text);
    for (const auto& text : spec.uri) add_name(names, GEN_URI, text);
    for (const auto& text : spec.email) add_name(names, GEN_EMAIL, text);
    for (const auto& text : spec.srv) add_name(names, GEN_OTHERNAME, text);
    bool added = true;
    if (sk_GENERAL_NAME_num(names) > 0)
        added = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    must(added, "subjectAltName");
}

Identity make(const CertSpec& spec, Key key, const Identity* issuer) {
    static std::atomic<long> serial{1000};
    Cert cert{X509_new()};
    must(cert != nullptr, "X509_new");
    X509_set_version(cert.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), static_cast<long>(spec.not_before.count()));
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), static_cast<long>(spec.not_after.count()));
    X509_NAME* subject = X509_get_subject_name(cert.get());
    must(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(spec.cn.data()),
                                    static_cast<int>(spec.cn.size()), -1, 0) == 1,
         "subject");
    X509* signer = issuer ? issuer->cert.get() : cert.get();
    X509_set_issuer_name(cert.get(), X509_get_subject_name(signer));
    must(X509_set_pubkey(cert.get(), key.get()) == 1, "public key");

    add_extension(cert.get(), signer, NID_basic_constraints,
                  spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(cert.get(), signer, NID_subject_key_identifier, "hash");
    if (spec.ca) add_extension(cert.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (!spec.usage.empty()) add_extension(cert.get(), signer, NID_ext_key_usage, spec.usage);
    if (!spec.permitted.empty())
        add_extension(cert.get(), signer, NID_name_constraints, "critical,permitted;DNS:" + spec.permitted);
    if (!spec.excluded.empty())
        add_extension(cert.get(), signer, NID_name_constraints, "critical,excluded;DNS:" + spec.excluded);
    if (spec.padding > 0) add_padding(cert.get(), spec.padding);
    add_names(cert.get(), spec);

    EVP_PKEY* signing_key = issuer ? issuer->key.get() : key.get();
    must(X509_sign(cert.get(), signing_key, spec.sha1 ? EVP_sha1() : EVP_sha256()) > 0, "X509_sign");

    Identity made;
    made.key = std::shared_ptr<EVP_PKEY>(std::move(key));
    made.cert = std::shared_ptr<X509>(std::move(cert));
    if (issuer) {
        made.chain = issuer->chain;
        made.chain.insert(made.chain.begin(), issuer->cert);
    }
    return made;
}

} // namespace

Key make_ec_key() {
    Key key{EVP_EC_gen("P-256")};
    must(key != nullptr, "EC key");
    return key;
}

Key make_rsa_key(int bits) {
    Key key{EVP_RSA_gen(static_cast<unsigned>(bits))};
    must(key != nullptr, "RSA key");
    return key;
}

Identity self_signed(const CertSpec& spec, Key key) { return make(spec, std::move(key), nullptr); }

Identity issue(const Identity& issuer, const CertSpec& spec, Key key) {
    return make(spec, std::move(key), &issuer);
}

void present(SSL_CTX* context, const Identity& identity) {
    SSL_CTX_use_certificate(context, identity.cert.get());
    SSL_CTX_use_PrivateKey(context, identity.key.get());
    SSL_CTX_clear_chain_certs(context);
    for (const auto& cert : identity.chain) SSL_CTX_add1_chain_cert(context, cert.get());
}

void present(SSL* connection, const Identity& identity) {
    SSL_certs_clear(connection);
    SSL_use_certificate(connection, identity.cert.get());
    SSL_use_PrivateKey(connection, identity.key.get());
    for (const auto& cert : identity.chain) SSL_add1_chain_cert(connection, cert.get());
}

std::string to_pem(const Identity& identity) {
    std::unique_ptr<BIO, int (*)(BIO*)> out{BIO_new(BIO_s_mem()), BIO_free};
    must(out && PEM_write_bio_X509(out.get(), identity.cert.get()) == 1, "PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string ocsp_response(const Identity& leaf, const Identity& issuer, bool revoked) {
    std::unique_ptr<OCSP_BASICRESP, void (*)(OCSP_BASICRESP*)> basic{OCSP_BASICRESP_new(),
                                                                     OCSP_BASICRESP_free};
    std::unique_ptr<OCSP_CERTID, void (*)(OCSP_CERTID*)> id{
        OCSP_cert_to_id(EVP_sha1(), leaf.cert.get(), issuer.cert.get()), OCSP_CERTID_free};
    std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> now{X509_gmtime_adj(nullptr, -60), ASN1_TIME_free};
    std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> next{X509_gmtime_adj(nullptr, 3600), ASN1_TIME_free};
    must(basic && id && now && next, "OCSP");
    must(OCSP_basic_add1_status(basic.get(), id.get(),
                                revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
                                OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked ? now.get() : nullptr, now.get(),
                                next.get()) != nullptr,
         "OCSP status");
    must(OCSP_basic_sign(basic.get(), issuer.cert.get(), issuer.key.get(), EVP_sha256(), nullptr, 0) == 1,
         "OCSP sign");
    std::unique_ptr<OCSP_RESPONSE, void (*)(OCSP_RESPONSE*)> response{
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()), OCSP_RESPONSE_free};
    must(response != nullptr, "OCSP response");
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response.get(), &der);
    must(size > 0, "OCSP DER");
    std::string text{reinterpret_cast<char*>(der), static_cast<std::size_t>(size)};
    OPENSSL_free(der);
    return text;
}

TestCa::TestCa() {
    CertSpec spec;
    spec.ca = true;
    spec.cn = "test root";
    root_ = self_signed(spec);
    intermediate_ = another_intermediate(spec);

    std::ofstream out{file_};
    out << to_pem(root_);
    if (!out.flush()) throw std::runtime_error("cannot write " + file_);
}

Identity TestCa::another_intermediate(CertSpec spec) const {
    spec.ca = true;
    spec.cn = "test intermediate"; // unlike any leaf's: equal subject and issuer would look self-signed
    Identity made = issue(root_, spec);
    made.chain.clear(); // the root is not sent
    return made;
}

Identity TestCa::leaf_of(const CertSpec& spec, Key key) const {
    return issue(intermediate_, spec, std::move(key));
}

Identity TestCa::leaf(std::vector<std::string> dns) const {
    CertSpec spec;
    spec.dns = std::move(dns);
    return leaf_of(spec);
}

} // namespace test
