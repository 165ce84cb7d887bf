#include "cache/valkey/sentinel.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace valkey {

namespace {

/// A host is an address or a name: nothing that a resolver or a log could misread.
bool is_host(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_host && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_' || c == ':' || c == '%';
    });
}

std::optional<Address> address_of(std::string_view host, std::string_view port) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0 || !is_host(host))
        return std::nullopt;
    return Address{"", std::string(host), number};
}

/// The value behind a name, in a list of names and values; "" there is none.
std::string_view field(const Reply& fields, std::string_view name) noexcept {
    for (std::size_t i = 0; i + 1 < fields.elements.size(); i += 2)
        if (fields.elements[i].says(name)) return fields.elements[i + 1].text;
    return {};
}

/// Of "slave,s_down,disconnected".
bool has_flag(std::string_view flags, std::string_view flag) noexcept {
    while (!flags.empty()) {
        const std::size_t comma = flags.find(',');
        if (flags.substr(0, comma) == flag) return true;
        flags.remove_prefix(comma == std::string_view::npos ? flags.size() : comma + 1);
    }
    return false;
}

} // namespace

Sentinels::Sentinels(std::vector<Address> addresses, std::string name)
    : addresses_(std::move(addresses)), name_(std::move(name)) {
    if (addresses_.size() > max_sentinels) addresses_.resize(max_sentinels);
}

Arguments Sentinels::ask_primary() const { return {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name_}; }
Arguments Sentinels::ask_replicas() const { return {"SENTINEL", "REPLICAS", name_}; }

void Sentinels::answered(const Address& sentinel) {
    const auto found = std::ranges::find(addresses_, sentinel);
    if (found != addresses_.end()) std::rotate(addresses_.begin(), found, found + 1);
}

base::Expected<Address, Failure> primary_in(const Answer& answer) {
    if (!answer) return base::unexpected(answer.error());
    if (answer->is_nil()) return base::unexpected(Failure{Trouble::down, "it knows no primary of this name"});
    if (answer->kind == Reply::Kind::array && answer->elements.size() == 2)
        if (auto address = address_of(answer->elements[0].text, answer->elements[1].text)) return *address;
    return base::unexpected(Failure{Trouble::protocol, "its reply is no address"});
}

std::vector<Address> replicas_in(const Answer& answer) {
    std::vector<Address> usable;
    if (!answer || answer->kind != Reply::Kind::array) return usable;
    for (const Reply& replica : answer->elements) {
        const std::string_view flags = field(replica, "flags");
        if (has_flag(flags, "s_down") || has_flag(flags, "o_down") || has_flag(flags, "disconnected"))
            continue;
        if (field(replica, "master-link-status") != "ok") continue;
        const auto address = address_of(field(replica, "ip"), field(replica, "port"));
        if (address && usable.size() < max_replicas) usable.push_back(*address);
    }
    return usable;
}

} // namespace valkey
