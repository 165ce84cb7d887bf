#include "cache/valkey/value.hpp"

#include "cache/valkey/hosts.hpp"
#include "sts/record.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>
#include <utility>

namespace valkey {

namespace {

constexpr std::string_view magic = "stsmapd", version = "1";
constexpr std::size_t mac_size = 43; // base64url of 32 octets
constexpr char zero = '\0';

constexpr Time earliest{std::chrono::seconds{1}};
constexpr Time latest{std::chrono::milliseconds{253'402'300'799'999}}; // the end of 9999

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
bool is_mac(std::string_view text) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    };
    return text.size() == mac_size && std::ranges::all_of(text, good);
}

/// What seal and encryption cover besides the content: what kind of thing it is, and whose.
std::string context_of(std::string_view name) {
    std::string context{"p"};
    context.push_back(zero);
    context.append(name).push_back(zero);
    return context;
}

std::string mac_of(const Key& key, std::string_view context, std::string_view content) {
    std::string covered;
    covered.reserve(context.size() + content.size());
    covered.append(context).append(content);
    return base64url(keyed_hash(key.seal, covered));
}

/// Up to `end`, which must be there; `rest` loses both.
std::optional<std::string_view> take_until(std::string_view& rest, char end) {
    const std::size_t at = rest.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view taken = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    return taken;
}

struct FirstLine {
    std::string_view id, mac;
};

/// The first line, which `rest` loses. It is checked by itself, so that a value of another version or key is known as
/// such whatever follows.
base::Expected<FirstLine, Refusal> take_first_line(std::string_view& rest) {
    const auto garbage = base::unexpected(Refusal::garbage);
    std::string_view start = rest.substr(0, 128); // longer than any first line
    if (!start.starts_with(magic)) return garbage;
    start.remove_prefix(magic.size());
    const auto number = take_until(start, ' ');
    if (!number || !is_digits(*number)) return garbage;
    if (*number != version) return base::unexpected(Refusal::unknown_version);
    const auto id = take_until(start, ' ');
    const auto mac = id ? take_until(start, '\n') : std::nullopt;
    if (!mac || !is_key_id(*id) || !is_mac(*mac)) return garbage;
    rest.remove_prefix(magic.size() + version.size() + 1 + id->size() + 1 + mac->size() + 1);
    return FirstLine{*id, *mac};
}

std::string content_of(const Value& value) {
    std::string content;
    content.reserve(value.text.size() + value.domain.name().size() + value.id.size() + value.host.size() +
                    64);
    content.append("domain: ").append(value.domain.name());
    content.append("\nid: ").append(value.id);
    content.append("\nfetched: ").append(std::to_string(value.fetched.time_since_epoch().count()));
    content.append("\nhost: ").append(value.host);
    content.append("\n\n").append(value.text);
    return content;
}

std::optional<std::string_view> take_field(std::string_view& rest, std::string_view label) {
    if (!rest.starts_with(label)) return std::nullopt;
    rest.remove_prefix(label.size());
    return take_until(rest, '\n');
}

/// Only as std::to_string() writes it.
std::optional<Time> read_time(std::string_view text) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || std::to_string(count) != text) return std::nullopt;
    return Time{std::chrono::milliseconds{count}};
}

base::Expected<Value, Refusal> read_content(std::string_view rest) {
    const auto garbage = base::unexpected(Refusal::garbage);
    const auto domain_text = take_field(rest, "domain: ");
    const auto id = domain_text ? take_field(rest, "id: ") : std::nullopt;
    const auto fetched_text = id ? take_field(rest, "fetched: ") : std::nullopt;
    const auto host = fetched_text ? take_field(rest, "host: ") : std::nullopt;
    const auto empty = host ? take_until(rest, '\n') : std::nullopt;
    if (!empty || !empty->empty()) return garbage;
    if (rest.size() > sts::max_policy_size) return base::unexpected(Refusal::too_large);
    auto domain = base::Domain::parse(*domain_text);
    const auto fetched = read_time(*fetched_text);
    if (!domain || domain->name() != *domain_text || !fetched) return garbage;
    Value value{*std::move(domain), std::string{*id}, *fetched, std::string{*host}, std::string{rest}};
    if (!is_sound(value)) return garbage;
    return value;
}

} // namespace

std::string_view to_string(Refusal refusal) noexcept {
    switch (refusal) {
    case Refusal::too_large: return "too-large";
    case Refusal::garbage: return "garbage";
    case Refusal::unknown_version: return "unknown-version";
    case Refusal::unknown_key: return "unknown-key";
    case Refusal::bad_seal: return "bad-seal";
    case Refusal::other_domain: return "other-domain";
    case Refusal::from_future: return "from-future";
    case Refusal::expired: return "expired";
    case Refusal::no_policy: return "no-policy";
    }
    return "unknown";
}

bool is_sound(const Value& value) {
    return value.domain.name().size() <= base::max_policy_domain &&
           (value.id.empty() || sts::valid_id(value.id)) && value.fetched >= earliest &&
           value.fetched <= latest && is_host_name(value.host) && !value.text.empty() &&
           value.text.size() <= sts::max_policy_size;
}

std::string seal(const Value& value, const Key& key, Naming naming, const Nonce& nonce) {
    const std::string context = context_of(name_of(value.domain, key, naming));
    std::string content = content_of(value);
    if (naming == Naming::hidden) content = encrypt(key.encryption, nonce, context, content);
    std::string octets{magic};
    octets.append(version).append(" ").append(key.id).append(" ");
    octets.append(mac_of(key, context, content)).append("\n").append(content);
    return octets;
}

base::Expected<Opened, Refusal> open(std::string_view octets, std::string_view name, const KeyRing& ring,
                                     Time now) {
    std::string_view content = octets;
    const auto first = take_first_line(content);
    if (!first) return base::unexpected(first.error());
    const Key* key = ring.find(first->id);
    if (key == nullptr) return base::unexpected(Refusal::unknown_key);
    if (octets.size() > max_value) return base::unexpected(Refusal::too_large);
    const std::string context = context_of(name);
    if (!equal(mac_of(*key, context, content), first->mac)) return base::unexpected(Refusal::bad_seal);

    const Naming naming = is_hidden(name) ? Naming::hidden : Naming::plain;
    std::optional<std::string> plain;
    if (naming == Naming::hidden) {
        plain = decrypt(key->encryption, context, content);
        if (!plain) return base::unexpected(Refusal::garbage);
        content = *plain;
    }
    auto value = read_content(content);
    if (!value) return base::unexpected(value.error());
    if (name_of(value->domain, *key, naming) != name) return base::unexpected(Refusal::other_domain);
    if (value->fetched > now + max_ahead) return base::unexpected(Refusal::from_future);
    auto policy = sts::parse_policy(value->text);
    if (!policy) return base::unexpected(Refusal::no_policy);
    if (expires_at(*value, *policy) <= now) return base::unexpected(Refusal::expired);
    return Opened{*std::move(value), *std::move(policy)};
}

Time expires_at(const Value& value, const sts::Policy& policy) { return value.fetched + policy.max_age; }

bool newer(const Value& a, const Value& b) {
    const auto order = [](const Value& v) {
        return std::tuple<base::Instant, std::string_view, std::string_view>{
            std::chrono::floor<std::chrono::seconds>(v.fetched), v.text, v.id};
    };
    return order(a) > order(b);
}

bool may_overwrite(Refusal refusal) noexcept {
    return refusal != Refusal::unknown_version && refusal != Refusal::unknown_key;
}

bool should_write(const Value& ours, const base::Expected<Opened, Refusal>& found) {
    return found ? newer(ours, found->value) : may_overwrite(found.error());
}

} // namespace valkey
