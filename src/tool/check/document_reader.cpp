#include "tool/check/document.hpp"

#include "tool/client/control_text.hpp"
#include "tool/explain/reader.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace check {
namespace {

using explain::Reader;

int small_number(const Reader& in, std::string_view name) {
    const std::int64_t number = in.number_or(name, 0);
    return static_cast<int>(std::min<std::int64_t>(number, std::numeric_limits<int>::max()));
}

std::vector<Reader> at_most(const Reader& in, std::string_view name, std::size_t most) {
    std::vector<Reader> all = in.objects(name);
    if (all.size() <= most) return all;
    in.fail(name, "too long");
    return {};
}

dns::Worth read_worth(const Reader& in) {
    if (!in.has("worth")) return dns::Worth::indeterminate;
    const std::string word = in.word("worth", {"secure", "insecure", "indeterminate"});
    return word == "secure"     ? dns::Worth::secure
           : word == "insecure" ? dns::Worth::insecure
                                : dns::Worth::indeterminate;
}

Looked read_looked(const Reader& in) {
    Looked made;
    made.name = in.octets("name");
    made.type = in.text("type");
    made.reason = in.text_or("reason");
    made.detail = in.octets_or("detail");
    if (in.has("kind")) made.kind = in.word("kind", {"data", "nodata", "nxdomain"});
    made.worth = read_worth(in);
    made.canonical = in.octets_or("canonical");
    made.ttl_s = in.number_or("ttl_s", -1);
    return made;
}

TxtLook read_txt(const Reader& in) { return {read_looked(in), in.octets_list("records")}; }

smtp::Certificate read_certificate(const Reader& in) {
    smtp::Certificate made;
    made.subject = in.octets("subject");
    made.issuer = in.octets("issuer");
    made.common_name = in.octets_or("common_name");
    made.dns_names = in.octets_list("dns_names");
    made.not_before = in.time("not_before");
    made.not_after = in.time("not_after");
    made.key = in.octets_or("key");
    made.sha256 = in.text("sha256");
    made.spki_sha256 = in.text("spki_sha256");
    made.der = in.text("der");
    return made;
}

smtp::Tls read_tls(const Reader& in) {
    smtp::Tls made;
    made.version = in.text("version");
    made.cipher = in.text("cipher");
    made.sni = in.text_or("sni");
    made.trusted = in.flag_or("trusted", false);
    made.trust_error = in.octets_or("trust_error");
    made.trust_code = small_number(in, "trust_code");
    for (const Reader& certificate : at_most(in, "chain", max_read_chain))
        made.chain.push_back(read_certificate(certificate));
    return made;
}

PolicyTry read_try(const Reader& in) {
    PolicyTry made;
    made.address = in.text("address");
    made.at = in.time("at");
    made.took_ms = in.number_or("took_ms", 0);
    made.reason = in.text_or("reason");
    made.detail = in.octets_or("detail");
    if (in.has("tls")) made.tls = read_tls(in.object("tls"));
    made.name_matches = in.flag_or("name_matches", false);
    made.status = small_number(in, "status");
    made.types = in.octets_list("types");
    made.location = in.octets_or("location");
    made.response_reason = in.text_or("response_reason");
    made.size = in.number_or("size", 0);
    return made;
}

PolicyHost read_policy_host(const Reader& in) {
    PolicyHost made;
    made.name = in.text("name");
    made.a = read_looked(in.object("a"));
    made.aaaa = read_looked(in.object("aaaa"));
    made.addresses = in.texts("addresses");
    for (const Reader& one : at_most(in, "tries", max_read_addresses)) made.tries.push_back(read_try(one));
    if (in.has("body")) made.body = in.octets("body");
    return made;
}

smtp::Sighting read_sighting(const Reader& in, const std::string& host, const std::string& address) {
    smtp::Sighting made;
    made.host = host;
    made.address = address;
    made.at = in.time("at");
    made.took_ms = in.number_or("took_ms", 0);
    const std::string stage = in.text("stage"), trouble = in.text_or("trouble");
    if (const auto known = smtp::parse_stage(stage))
        made.stage = *known;
    else
        in.fail("stage", "no such word");
    if (const auto known = smtp::parse_trouble(trouble))
        made.trouble = *known;
    else if (!trouble.empty())
        in.fail("trouble", "no such word");
    made.words = in.octets_or("words");
    made.banner = in.octets_or("banner");
    made.ehlo = in.octets_list("ehlo");
    made.helo_name = in.octets_or("helo_name");
    if (in.has("tls")) made.tls = read_tls(in.object("tls"));
    return made;
}

std::string read_hex(const Reader& in, std::string_view name) {
    const std::string text = in.text(name);
    std::string octets;
    const auto digit = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) break;
        octets += static_cast<char>(high * 16 + low);
    }
    if (octets.size() * 2 != text.size()) in.fail(name, "not hexadecimal");
    return octets;
}

dane::Tlsa read_tlsa(const Reader& in) {
    dane::Tlsa made;
    const auto octet = [&in](std::string_view name) {
        const std::int64_t number = in.number(name);
        if (number > 255) in.fail(name, "more than 255");
        return static_cast<std::uint8_t>(number);
    };
    made.usage = octet("usage");
    made.selector = octet("selector");
    made.matching = octet("matching");
    made.data = read_hex(in, "data");
    return made;
}

Mx read_mx(const Reader& in) {
    Mx made;
    made.host = in.octets("host");
    made.preference = small_number(in, "preference");
    made.a = read_looked(in.object("a"));
    made.aaaa = read_looked(in.object("aaaa"));
    for (const Reader& each : at_most(in, "addresses", max_read_addresses)) {
        MxAddress address;
        address.address = each.text("address");
        if (each.has("sighting"))
            address.sighting = read_sighting(each.object("sighting"), made.host, address.address);
        address.skipped = each.text_or("skipped");
        address.see_domain = each.text_or("see_domain");
        made.addresses.push_back(std::move(address));
    }
    if (in.has("tlsa")) made.tlsa = read_looked(in.object("tlsa"));
    for (const Reader& record : at_most(in, "tlsa_records", max_read_addresses))
        made.tlsa_records.push_back(read_tlsa(record));
    return made;
}

smtp::Settings read_settings(const Reader& in) {
    smtp::Settings made;
    made.helo_name = in.octets("helo_name");
    made.bind4 = in.text_or("bind4");
    made.bind6 = in.text_or("bind6");
    made.v4 = in.flag_or("v4", true);
    made.v6 = in.flag_or("v6", true);
    const std::int64_t port = in.number_or("port", made.port);
    if (port > 65535) in.fail("port", "more than 65535");
    made.port = static_cast<std::uint16_t>(port);
    made.ca_file = in.octets_or("ca_file");
    made.ca_folder = in.octets_or("ca_folder");
    made.default_anchors = in.flag_or("default_anchors", false);
    made.verify_depth = in.has("verify_depth") ? small_number(in, "verify_depth") : made.verify_depth;
    made.protocols = in.octets_or("protocols");
    made.ciphers = in.octets_or("ciphers");
    made.cipher_list = in.octets_or("cipher_list");
    made.servername = in.octets_or("servername");
    return made;
}

Evidence read(const Reader& in) {
    Evidence made;
    made.domain = in.text("domain");
    made.asked = in.octets("asked");
    made.at = in.time("at");
    made.took_ms = in.number_or("took_ms", 0);
    made.sts = read_txt(in.object("txt"));
    if (in.has("policy_host")) made.policy_host = read_policy_host(in.object("policy_host"));
    if (in.has("mx_lookup")) made.mx_looked = read_looked(in.object("mx_lookup"));
    made.null_mx = in.flag_or("null_mx", false);
    made.more_mx = in.flag_or("more_mx", false);
    for (const Reader& mx : at_most(in, "mx", max_read_mx)) made.mx.push_back(read_mx(mx));
    const Reader dane = in.object("dane");
    if (dane.has("advice")) made.dane_advice = dane.word("advice", {"dane-only", "sts", "unknown"});
    made.dane_why = dane.octets_or("why");
    if (in.has("tlsrpt")) made.tlsrpt = read_txt(in.object("tlsrpt"));
    made.smtp = in.flag_or("smtp", true);
    made.port_25_closed = in.flag_or("port_25_closed", false);
    made.strict_testing = in.flag_or("strict_testing", false);
    if (in.has("settings")) made.settings = read_settings(in.object("settings"));
    made.postfix = explain::read_postfix(in.object("postfix"));
    return made;
}

} // namespace

base::Expected<Evidence, DocumentError> read_evidence(std::string_view text) {
    if (text.size() > max_document)
        return base::unexpected("longer than " + std::to_string(max_document) + " octets");
    const auto document = tool::parse_object(text);
    if (!document) return base::unexpected(document.error());
    std::string problem;
    Evidence made = read(Reader(*document, "", problem));
    if (!problem.empty()) return base::unexpected(std::move(problem));
    return made;
}

} // namespace check
