#include "tool/check/document.hpp"

#include "tool/explain/reader.hpp"
#include "tool/show/times.hpp"

#include <utility>

namespace check {
namespace {

using explain::octets_json;

void put(Json& object, const char* name, const std::string& text) {
    if (!text.empty()) object[name] = octets_json(text);
}

Json list_of(const std::vector<std::string>& texts) {
    Json made = Json::array();
    for (const std::string& text : texts) made.push_back(octets_json(text));
    return made;
}

std::string_view worth_name(dns::Worth worth) {
    switch (worth) {
    case dns::Worth::secure: return "secure";
    case dns::Worth::insecure: return "insecure";
    case dns::Worth::indeterminate: break;
    }
    return "indeterminate";
}

Json json_of(const Looked& looked) {
    Json made{{"name", octets_json(looked.name)}, {"type", looked.type}};
    put(made, "kind", looked.kind);
    put(made, "reason", looked.reason);
    put(made, "detail", looked.detail);
    if (looked.reason.empty()) made["worth"] = worth_name(looked.worth);
    put(made, "canonical", looked.canonical);
    if (looked.ttl_s >= 0) made["ttl_s"] = looked.ttl_s;
    return made;
}

Json json_of(const TxtLook& txt) {
    Json made = json_of(txt.looked);
    made["records"] = list_of(txt.records);
    return made;
}

Json json_of(const smtp::Certificate& certificate) {
    Json made{{"subject", octets_json(certificate.subject)}, {"issuer", octets_json(certificate.issuer)}};
    put(made, "common_name", certificate.common_name);
    made["dns_names"] = list_of(certificate.dns_names);
    made["not_before"] = tool::utc_text(certificate.not_before);
    made["not_after"] = tool::utc_text(certificate.not_after);
    put(made, "key", certificate.key);
    made["sha256"] = certificate.sha256;
    made["spki_sha256"] = certificate.spki_sha256;
    made["der"] = certificate.der;
    return made;
}

Json json_of(const smtp::Tls& tls) {
    Json made{{"version", tls.version}, {"cipher", tls.cipher}};
    put(made, "sni", tls.sni);
    made["trusted"] = tls.trusted;
    put(made, "trust_error", tls.trust_error);
    if (tls.trust_code != 0) made["trust_code"] = tls.trust_code;
    made["chain"] = Json::array();
    for (const smtp::Certificate& certificate : tls.chain) made["chain"].push_back(json_of(certificate));
    return made;
}

Json json_of(const PolicyTry& one) {
    Json made{{"address", one.address}, {"at", tool::utc_text(one.at)}, {"took_ms", one.took_ms}};
    put(made, "reason", one.reason);
    put(made, "detail", one.detail);
    if (one.tls) {
        made["tls"] = json_of(*one.tls);
        made["name_matches"] = one.name_matches;
    }
    if (one.status != 0) {
        made["status"] = one.status;
        made["types"] = list_of(one.types);
        put(made, "location", one.location);
        put(made, "response_reason", one.response_reason);
        if (one.status == 200) made["size"] = one.size;
    }
    return made;
}

Json json_of(const PolicyHost& host) {
    Json made{{"name", host.name}, {"a", json_of(host.a)}, {"aaaa", json_of(host.aaaa)}};
    made["addresses"] = host.addresses;
    made["tries"] = Json::array();
    for (const PolicyTry& one : host.tries) made["tries"].push_back(json_of(one));
    if (host.body) made["body"] = octets_json(*host.body);
    return made;
}

Json json_of(const smtp::Sighting& sighting) {
    Json made{{"at", tool::utc_text(sighting.at)},
              {"took_ms", sighting.took_ms},
              {"stage", to_string(sighting.stage)}};
    if (sighting.trouble != smtp::Trouble::none) made["trouble"] = to_string(sighting.trouble);
    put(made, "words", sighting.words);
    put(made, "banner", sighting.banner);
    if (!sighting.ehlo.empty()) made["ehlo"] = list_of(sighting.ehlo);
    put(made, "helo_name", sighting.helo_name);
    if (sighting.tls) made["tls"] = json_of(*sighting.tls);
    return made;
}

std::string hex(std::string_view octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : octets) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
    }
    return text;
}

Json json_of(const Mx& mx) {
    Json made{{"host", octets_json(mx.host)}, {"preference", mx.preference}};
    made["a"] = json_of(mx.a);
    made["aaaa"] = json_of(mx.aaaa);
    made["addresses"] = Json::array();
    for (const MxAddress& address : mx.addresses) {
        Json one{{"address", address.address}};
        if (address.sighting) one["sighting"] = json_of(*address.sighting);
        put(one, "skipped", address.skipped);
        put(one, "see_domain", address.see_domain);
        made["addresses"].push_back(std::move(one));
    }
    if (mx.tlsa) made["tlsa"] = json_of(*mx.tlsa);
    for (const dane::Tlsa& record : mx.tlsa_records)
        made["tlsa_records"].push_back({{"usage", record.usage},
                                        {"selector", record.selector},
                                        {"matching", record.matching},
                                        {"data", hex(record.data)}});
    return made;
}

Json json_of(const smtp::Settings& settings) {
    Json made{{"helo_name", octets_json(settings.helo_name)}};
    put(made, "bind4", settings.bind4);
    put(made, "bind6", settings.bind6);
    made["v4"] = settings.v4;
    made["v6"] = settings.v6;
    made["port"] = settings.port;
    put(made, "ca_file", settings.ca_file);
    put(made, "ca_folder", settings.ca_folder);
    made["default_anchors"] = settings.default_anchors;
    made["verify_depth"] = settings.verify_depth;
    put(made, "protocols", settings.protocols);
    put(made, "ciphers", settings.ciphers);
    put(made, "cipher_list", settings.cipher_list);
    put(made, "servername", settings.servername);
    return made;
}

} // namespace

Json to_json(const Evidence& evidence) {
    Json made{{"schema", 1},
              {"domain", evidence.domain},
              {"asked", octets_json(evidence.asked)},
              {"at", tool::utc_text(evidence.at)},
              {"took_ms", evidence.took_ms}};
    made["txt"] = json_of(evidence.sts);
    if (evidence.policy_host) made["policy_host"] = json_of(*evidence.policy_host);
    if (evidence.mx_looked) made["mx_lookup"] = json_of(*evidence.mx_looked);
    if (evidence.null_mx) made["null_mx"] = true;
    if (evidence.more_mx) made["more_mx"] = true;
    made["mx"] = Json::array();
    for (const Mx& mx : evidence.mx) made["mx"].push_back(json_of(mx));
    Json dane = Json::object();
    if (evidence.dane_advice) dane["advice"] = *evidence.dane_advice;
    put(dane, "why", evidence.dane_why);
    made["dane"] = std::move(dane);
    if (evidence.tlsrpt) made["tlsrpt"] = json_of(*evidence.tlsrpt);
    made["smtp"] = evidence.smtp;
    if (evidence.port_25_closed) made["port_25_closed"] = true;
    if (evidence.strict_testing) made["strict_testing"] = true;
    if (evidence.settings) made["settings"] = json_of(*evidence.settings);
    made["postfix"] = explain::to_json(evidence.postfix);
    return made;
}

} // namespace check
