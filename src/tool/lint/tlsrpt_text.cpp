#include "tool/lint/tlsrpt_text.hpp"

#include "base/record_fields.hpp"
#include "base/text.hpp"
#include "tool/lint/record_text.hpp"
#include "tool/lint/txt_text.hpp"

#include <array>

namespace lint {

namespace {

using tlsrpt::UriKind;

constexpr RecordKind kind{.version = tlsrpt::version,
                          .sign = "tlsrpt",
                          .required = "rua",
                          .missing = "tlsrpt-missing",
                          .wrong_version = "tlsrpt-version",
                          .multiple = "tlsrpt-multiple",
                          .field_invalid = "tlsrpt-field-invalid",
                          .field_empty = "tlsrpt-field-empty",
                          .blank_before = "tlsrpt-blank-before-semicolon",
                          .blanks_at_end = "tlsrpt-blanks-at-end",
                          .other_records = "tlsrpt-other-records"};

constexpr std::size_t max_shown = 100;

std::string did_you_mean(const std::string& uri) {
    return "did you mean \"" + base::printable(uri, max_shown) + "\"?";
}

/// What is wrong with a URI that is none, and what may have been meant.
void invalid_uri(const TheRecord& record, std::string_view uri, Adder& add) {
    std::string words, hint;
    const bool has_scheme = uri.find(':') != uri.npos;
    std::string plain;
    for (const char c : uri)
        if (c != '<' && c != '>' && c != '"' && c != '\'') plain += c;
    if (uri.empty())
        words = "there is no URI, or nothing between two commas";
    else if (tlsrpt::kind_of(plain) == UriKind::supported)
        hint = did_you_mean(plain);
    else if (!has_scheme && uri.find('@') != uri.npos &&
             tlsrpt::kind_of("mailto:" + plain) == UriKind::supported)
        words = "a mail address needs mailto: before it", hint = did_you_mean("mailto:" + plain);
    else if (!has_scheme)
        words = "\"" + base::printable(uri, max_shown) + "\" has no scheme";
    else if (uri.find_first_of(" \t") != uri.npos)
        words = "it has a blank";
    else if (base::iequals(uri.substr(0, 7), "mailto:"))
        words = "mailto: needs a mail address behind it";
    else if (base::iequals(uri.substr(0, 6), "https:"))
        words = "https: needs // and a host behind it";
    add.add("tlsrpt-uri-invalid", record.at(uri), std::move(words), std::move(hint));
}

/// Returns whether one is supported; `broken`: one of them makes the record invalid.
bool rua_field(const TheRecord& record, std::string_view list, bool& broken, Adder& add) {
    bool supported = false;
    for (const std::string_view uri : tlsrpt::uris_of(list)) {
        switch (tlsrpt::kind_of(uri)) {
        case UriKind::supported: supported = true; break;
        case UriKind::unsupported: {
            const bool http = base::iequals(uri.substr(0, 5), "http:");
            add.add("tlsrpt-uri-unsupported", record.at(uri), {},
                    http ? did_you_mean("https:" + std::string(uri.substr(5))) : std::string{});
            break;
        }
        case UriKind::mark:
            broken = true;
            add.add("tlsrpt-uri-mark", record.at(uri.substr(uri.find('!'))), {},
                    did_you_mean(std::string(uri.substr(0, uri.find('!')))));
            break;
        case UriKind::invalid: broken = true; invalid_uri(record, uri, add);
        }
    }
    return supported;
}

void fields(const TheRecord& record, Adder& add) {
    bool rua = false, supported = false, broken = false, other_case = false;
    std::string elsewhere;
    each_field(kind, record, add, [&](std::string_view name, std::string_view value) {
        if (name == "rua") {
            if (rua) add.add("tlsrpt-rua-repeated", record.at(name));
            rua = true;
            supported = rua_field(record, value, broken, add) || supported;
            return;
        }
        const std::string_view field(name.data(), name.size() + 1 + value.size());
        if (!base::valid_extension(name, value)) {
            other_case = other_case || base::iequals(base::trim_wsp(name), "rua");
            add_invalid(kind, record, field, add);
            return;
        }
        if (base::iequals(name, "rua")) elsewhere = did_you_mean("rua=" + std::string(value));
        add.add("tlsrpt-field-unknown", record.at(name));
    });
    if (!rua && !other_case) add.add("tlsrpt-rua-missing", record.at(record.text), {}, elsewhere);
    if (rua && !supported && !broken) add.add("tlsrpt-no-supported-uri", record.at(record.text));
}

} // namespace

TlsrptLook tlsrpt_records(std::span<const std::string> records, bool meant) {
    TlsrptLook look{tlsrpt::find_record(records), {}};
    Adder add;
    const auto record = the_record(kind, records, meant, add);
    if (record) fields(*record, add);
    if (look.record) {
        std::string words = "the TLSRPT record is valid: reports go to ";
        for (std::size_t i = 0; i < look.record->rua.size(); ++i)
            words.append(i == 0 ? "" : ", ").append(base::printable(look.record->rua[i], max_shown));
        add.add_whole("tlsrpt-good", std::move(words));
    }
    look.findings = add.take();
    return look;
}

TlsrptLook tlsrpt_text(std::string_view text) {
    const auto joined = joined_strings(text);
    const std::array<std::string, 1> records{joined ? *joined : std::string(text)};
    TlsrptLook look = tlsrpt_records(records, true);
    if (joined) look.findings.push_back(findings::found("txt-quotes"));
    return look;
}

} // namespace lint
