#include "cache/valkey/key_ring.hpp"

#include "base/next_word.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace valkey {

namespace {

// Part of the format of what is shared.
constexpr std::string_view seal_label = "stsmapd 1 seal", name_label = "stsmapd 1 name",
                           encryption_label = "stsmapd 1 encryption";

constexpr std::string_view blanks = " \t\r";

/// The line's key, nothing for a line without one, or what is wrong.
base::Expected<std::optional<Key>, std::string_view> read_line(std::string_view line) {
    const auto bad = [](std::string_view problem) { return base::unexpected(problem); };
    line = line.substr(0, line.find('#'));
    const std::string_view id = base::next_word(line, blanks), key = base::next_word(line, blanks),
                           more = base::next_word(line, blanks);
    if (id.empty()) return std::optional<Key>{};
    if (key.empty()) return bad("not an id and a key with a space between");
    if (!more.empty()) return bad("more than an id and a key");
    if (!is_key_id(id)) return bad("the id is not 1 to 32 letters, digits, '_', '.' and '-'");
    if (key.size() > 2 * max_key) return bad("the key is longer than 512 octets");
    WipedText material;
    material.octets.reserve(key.size());
    if (!decode_key(key, material.octets)) return bad("the key is neither base64 nor hex");
    if (material.octets.size() < min_key) return bad("the key is shorter than 32 octets");
    if (material.octets.size() > max_key) return bad("the key is longer than 512 octets");
    return derive_key(std::string{id}, material.octets);
}

} // namespace

bool is_key_id(std::string_view text) noexcept {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '-';
    };
    return !text.empty() && text.size() <= max_key_id && std::ranges::all_of(text, good);
}

Key derive_key(std::string id, std::string_view material) {
    return {std::move(id), derive(material, seal_label), derive(material, name_label),
            derive(material, encryption_label)};
}

std::string words(const KeyFileError& error) {
    const std::string problem{error.problem};
    return error.line == 0 ? problem : "line " + std::to_string(error.line) + ": " + problem;
}

base::Expected<KeyRing, KeyFileError> KeyRing::parse(std::string_view file) {
    const auto bad = [](std::size_t line, std::string_view problem) {
        return base::unexpected(KeyFileError{line, problem});
    };
    if (file.size() > max_key_file) return bad(0, "the file is larger than 64 KiB");
    std::vector<Key> keys;
    keys.reserve(max_keys);
    for (std::size_t number = 1; !file.empty(); ++number) {
        const std::string_view line = file.substr(0, file.find('\n'));
        file.remove_prefix(std::min(line.size() + 1, file.size()));
        auto read = read_line(line);
        if (!read) return bad(number, read.error());
        if (!*read) continue;
        Key& key = **read;
        if (keys.size() == max_keys) return bad(number, "more than 16 keys");
        for (const Key& earlier : keys) {
            if (earlier.id == key.id) return bad(number, "the id stands in an earlier line");
            if (earlier.seal == key.seal) return bad(number, "the key stands in an earlier line");
        }
        keys.push_back(std::move(key));
    }
    if (keys.empty()) return bad(0, "there is no key in it");
    return KeyRing{std::move(keys)};
}

const Key* KeyRing::find(std::string_view id) const noexcept {
    const auto found = std::ranges::find(keys_, id, &Key::id);
    return found == keys_.end() ? nullptr : &*found;
}

} // namespace valkey
