#include "config/convert.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace config {

namespace {

/// The refusal of a value as a whole.
auto refuse(std::string words) {
    return base::unexpected(std::vector{Fault{std::move(words), std::nullopt}});
}

/// Reads a list with `parse`, element by element; a doubled element is a mistake that is reported.
template <class T, class Parse>
Checked list_from_value(const Value& value, std::vector<T>& member, Parse parse) {
    const auto* texts = std::get_if<std::vector<std::string>>(&value);
    if (texts == nullptr) return refuse("must be a list of texts, as in [\"a\", \"b\"]");
    std::vector<T> read;
    std::vector<Fault> faults;
    for (std::size_t i = 0; i < texts->size(); ++i) {
        const auto text = text_of((*texts)[i]);
        const std::string shown = std::string{'"'}.append(base::printable((*texts)[i])).append("\"");
        if (!text) {
            faults.push_back({shown + " " + text.error().front().words, i});
            continue;
        }
        auto element = parse(*text);
        if (!element)
            faults.push_back({shown + ": " + element.error(), i});
        else if (std::ranges::find(read, *element) != read.end())
            faults.push_back({"has " + shown + " twice", i});
        else
            read.push_back(std::move(*element));
    }
    if (!faults.empty()) return base::unexpected(std::move(faults));
    member = std::move(read);
    return {};
}

template <class T>
Value list_to_value(const std::vector<T>& member) {
    std::vector<std::string> texts;
    texts.reserve(member.size());
    for (const T& element : member) texts.push_back(to_string(element));
    return texts;
}

template <class T, class Parse>
Checked text_from_value(const Value& value, T& member, Parse parse) {
    const auto text = text_of(value);
    if (!text) return base::unexpected(text.error());
    auto read = parse(*text);
    if (!read) return refuse(read.error());
    member = std::move(*read);
    return {};
}

/// 1 to `longest` letters, digits, '_', '.' and '-'.
bool is_plain_name(std::string_view text, std::size_t longest) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '-';
    };
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, good);
}

std::string plain_name(std::string_view text, std::size_t longest) {
    if (is_plain_name(text, longest)) return {};
    return "must be 1 to " + std::to_string(longest) + " letters, digits, \"_\", \".\" and \"-\"";
}

} // namespace

std::string absolute_path(std::string_view text) {
    return text.starts_with('/') ? std::string{} : "must be an absolute path";
}

std::string absolute_path_or_empty(std::string_view text) {
    return text.empty() ? std::string{} : absolute_path(text);
}

std::string engine_name(std::string_view text) { return plain_name(text, 255); }

std::string key_prefix(std::string_view text) { return plain_name(text, 32); }

std::string host_name_or_empty(std::string_view text) {
    return text.empty() ? std::string{} : plain_name(text, 253);
}

std::string host_name_or_address_or_empty(std::string_view text) {
    if (net::parse_ip(text) || host_name_or_empty(text).empty()) return {};
    return "must be a host's name or an IP address";
}

std::string domain_name(std::string_view text) {
    return text == "." || base::Domain::parse(text) ? ""
                                                    : "must be a domain name, or \".\" for the root zone";
}

std::string domain_name_or_empty(std::string_view text) { return text.empty() ? "" : domain_name(text); }

Names<Mode> names_of(Mode) noexcept {
    static constexpr std::array table{std::pair{std::string_view{"enforce"}, Mode::enforce},
                                      std::pair{std::string_view{"observe"}, Mode::observe}};
    return table;
}

Names<Dane> names_of(Dane) noexcept {
    static constexpr std::array<std::pair<std::string_view, Dane>, 2> names{
        {{"auto", Dane::automatic}, {"off", Dane::off}}};
    return names;
}

Names<TrustAd> names_of(TrustAd) noexcept {
    static constexpr std::array<std::pair<std::string_view, TrustAd>, 3> names{
        {{"auto", TrustAd::automatic}, {"yes", TrustAd::yes}, {"no", TrustAd::no}}};
    return names;
}

Names<LogFormat> names_of(LogFormat) noexcept {
    static constexpr std::array<std::pair<std::string_view, LogFormat>, 2> names{
        {{"text", LogFormat::text}, {"json", LogFormat::json}}};
    return names;
}

Names<LogTarget> names_of(LogTarget) noexcept {
    static constexpr std::array<std::pair<std::string_view, LogTarget>, 2> names{
        {{"stderr", LogTarget::standard_error}, {"syslog", LogTarget::syslog}}};
    return names;
}

Names<base::Level> names_of(base::Level) noexcept {
    static constexpr std::array<std::pair<std::string_view, base::Level>, 4> names{
        {{"debug", base::Level::debug},
         {"info", base::Level::info},
         {"warning", base::Level::warning},
         {"error", base::Level::error}}};
    return names;
}

Value to_value(bool member) { return member; }
Value to_value(unsigned member) { return std::int64_t{member}; }
Value to_value(seconds member) { return format_duration(member); }
Value to_value(milliseconds member) { return format_short_duration(member); }
Value to_value(const std::string& member) { return member; }
Value to_value(const net::Proxy& member) { return format_proxy(member); }
Value to_value(const FileMode& member) { return to_string(member); }
Value to_value(const EngineAddress& member) { return to_string(member); }
Value to_value(const std::vector<EngineAddress>& member) { return list_to_value(member); }
Value to_value(const std::vector<ListenAddress>& member) { return list_to_value(member); }
Value to_value(const std::vector<net::Endpoint>& member) {
    std::vector<std::string> texts;
    for (const net::Endpoint& server : member) texts.push_back(format_server(server));
    return texts;
}
Value to_value(const std::vector<base::Nat64Prefix>& member) { return list_to_value(member); }
Value to_value(const std::vector<std::string>& member) { return member; }

base::Expected<std::string, std::vector<Fault>> text_of(const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return refuse("must be text in quotes");
    if (!base::valid_utf8(*text)) return refuse("must be UTF-8 text");
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*text, is_control)) return refuse("must not hold control characters");
    return *text;
}

Checked from_value(const Value& value, bool& member) {
    const auto* flag = std::get_if<bool>(&value);
    if (flag == nullptr) return refuse("must be true or false");
    member = *flag;
    return {};
}

Checked from_value(const Value& value, unsigned& member, std::int64_t min, std::int64_t max) {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr) return refuse("must be a whole number");
    if (*number < min || *number > max)
        return refuse("must be from " + std::to_string(min) + " to " + std::to_string(max) + ", not " +
                      std::to_string(*number));
    member = static_cast<unsigned>(*number);
    return {};
}

Checked from_value(const Value& value, seconds& member, std::int64_t min, std::int64_t max) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* number = std::get_if<std::int64_t>(&value);
    // A plain number is seconds; a negative one has no text that parse_duration() accepts.
    const auto time =
        text != nullptr ? parse_duration(*text) : parse_duration(number ? std::to_string(*number) : "");
    if (!time) return refuse(time.error());
    if (time->count() < min || time->count() > max)
        return refuse("must be from " + format_duration(seconds{min}) + " to " +
                      format_duration(seconds{max}) + ", not " + format_duration(*time));
    member = *time;
    return {};
}

Checked from_value(const Value& value, milliseconds& member, std::int64_t min, std::int64_t max) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto time = text != nullptr ? parse_short_duration(*text)
                                      : parse_short_duration(number ? std::to_string(*number) : "");
    if (!time) return refuse(time.error());
    if (time->count() < min || time->count() > max)
        return refuse("must be from " + format_short_duration(milliseconds{min}) + " to " +
                      format_short_duration(milliseconds{max}) + ", not " + format_short_duration(*time));
    member = *time;
    return {};
}

Checked from_value(const Value& value, std::string& member, TextCheck check) {
    return text_from_value(value, member,
                           [check](std::string_view text) -> base::Expected<std::string, std::string> {
                               std::string words = check == nullptr ? std::string{} : check(text);
                               if (!words.empty()) return base::unexpected(std::move(words));
                               return std::string{text};
                           });
}

Checked from_value(const Value& value, net::Proxy& member, TextCheck) {
    return text_from_value(value, member, parse_proxy);
}

Checked from_value(const Value& value, EngineAddress& member, TextCheck) {
    return text_from_value(value, member, [](std::string_view text) {
        auto engine = parse_engine(text);
        if (!engine && !engine.error().starts_with("must ")) engine.error().insert(0, "cannot be used: ");
        return engine;
    });
}

Checked from_value(const Value& value, std::vector<EngineAddress>& member, TextCheck) {
    return list_from_value(value, member, parse_sentinel);
}

Checked from_value(const Value& value, FileMode& member, TextCheck) {
    return text_from_value(value, member, parse_file_mode);
}

Checked from_value(const Value& value, std::vector<ListenAddress>& member, TextCheck) {
    return list_from_value(value, member, parse_listen_address);
}

Checked from_value(const Value& value, std::vector<net::Endpoint>& member, TextCheck) {
    return list_from_value(value, member, parse_server);
}

Checked from_value(const Value& value, std::vector<base::Nat64Prefix>& member, TextCheck) {
    return list_from_value(value, member, base::parse_nat64_prefix);
}

Checked from_value(const Value& value, std::vector<std::string>& member, TextCheck) {
    return list_from_value(value, member, parse_web_host);
}

} // namespace config
