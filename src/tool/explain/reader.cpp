#include "tool/explain/reader.hpp"

#include "base/text.hpp"
#include "tool/explain/document.hpp"
#include "tool/show/times.hpp"

#include <algorithm>

namespace explain {
namespace {

const Json& nothing() {
    static const Json empty = Json::object();
    return empty;
}

/// U+0000 to U+00FF in UTF-8 as octets; nullopt for other characters.
std::optional<std::string> from_latin_1(std::string_view text) {
    std::string octets;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto first = static_cast<unsigned char>(text[i]);
        if (first < 0x80) {
            octets += text[i];
            continue;
        }
        if ((first != 0xc2 && first != 0xc3) || i + 1 == text.size()) return std::nullopt;
        octets += static_cast<char>((first & 3U) << 6U | (static_cast<unsigned char>(text[++i]) & 0x3fU));
    }
    return octets;
}

} // namespace

Reader::Reader(const Json& object, std::string place, std::string& problem)
    : json_(&object), place_(std::move(place)), problem_(&problem) {
    if (json_->is_object()) return;
    if (problem_->empty()) *problem_ = (place_.empty() ? "the document" : place_) + ": not an object";
    json_ = &nothing();
}

void Reader::fail(std::string_view name, std::string_view problem) const {
    if (!problem_->empty()) return;
    *problem_ = place_ + (place_.empty() ? "" : ".") + std::string(name) + ": " + std::string(problem);
}

const Json* Reader::find(std::string_view name) const {
    const auto found = json_->find(name);
    return found == json_->end() ? nullptr : &*found;
}

const Json* Reader::must(std::string_view name) const {
    const Json* const found = find(name);
    if (found == nullptr) fail(name, "missing");
    return found;
}

bool Reader::has(std::string_view name) const { return find(name) != nullptr; }

std::string Reader::text(std::string_view name) const {
    const Json* const found = must(name);
    if (found == nullptr) return {};
    if (const auto* const text = found->get_ptr<const std::string*>()) return *text;
    fail(name, "not a text");
    return {};
}

std::string Reader::text_or(std::string_view name, std::string_view otherwise) const {
    return has(name) ? text(name) : std::string(otherwise);
}

std::string Reader::word(std::string_view name, std::initializer_list<std::string_view> words) const {
    std::string value = text(name);
    if (std::ranges::find(words, value) == words.end())
        fail(name, '"' + base::printable(value, 40) + "\" is no such word");
    return value;
}

std::int64_t Reader::number(std::string_view name) const {
    const Json* const found = must(name);
    if (found == nullptr) return 0;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() <= std::uint64_t{1} << 53)
        return found->get<std::int64_t>();
    fail(name, "not a whole number of 0 or more");
    return 0;
}

std::int64_t Reader::number_or(std::string_view name, std::int64_t otherwise) const {
    return has(name) ? number(name) : otherwise;
}

bool Reader::flag_or(std::string_view name, bool otherwise) const {
    const Json* const found = find(name);
    if (found == nullptr) return otherwise;
    if (found->is_boolean()) return found->get<bool>();
    fail(name, "neither true nor false");
    return otherwise;
}

base::Instant Reader::time(std::string_view name) const {
    const std::string words = text(name);
    const auto read = tool::parse_time(words);
    if (!read) fail(name, "not a time like 2026-11-28T20:35:20Z");
    return read.value_or(base::Instant{});
}

std::optional<base::Instant> Reader::time_if(std::string_view name) const {
    return has(name) ? std::optional(time(name)) : std::nullopt;
}

Reader Reader::object(std::string_view name) const {
    const Json* const found = must(name);
    return {found == nullptr ? nothing() : *found, place_ + (place_.empty() ? "" : ".") + std::string(name),
            *problem_};
}

const Json* Reader::list(std::string_view name) const {
    const Json* const found = find(name);
    if (found == nullptr) return nullptr;
    if (!found->is_array()) return fail(name, "not a list"), nullptr;
    if (found->size() > max_items) return fail(name, "too long"), nullptr;
    return found;
}

std::vector<std::string> Reader::texts(std::string_view name) const {
    std::vector<std::string> all;
    const Json* const found = list(name);
    for (std::size_t i = 0; found != nullptr && i < found->size(); ++i) {
        const auto* const text = (*found)[i].get_ptr<const std::string*>();
        if (text == nullptr) {
            fail(std::string(name) + '[' + std::to_string(i) + ']', "not a text");
            return all;
        }
        all.push_back(*text);
    }
    return all;
}

std::string Reader::octets_of(const Json& json, const std::string& name) const {
    if (const auto* const text = json.get_ptr<const std::string*>()) return *text;
    const Json* const inside = json.is_object() && json.contains("octets") ? &json["octets"] : nullptr;
    const auto* const text = inside == nullptr ? nullptr : inside->get_ptr<const std::string*>();
    const auto octets = text == nullptr ? std::nullopt : from_latin_1(*text);
    if (!octets) fail(name, "neither a text nor octets");
    return octets.value_or(std::string{});
}

std::string Reader::octets(std::string_view name) const {
    const Json* const found = must(name);
    return found == nullptr ? std::string{} : octets_of(*found, std::string(name));
}

std::string Reader::octets_or(std::string_view name) const { return has(name) ? octets(name) : std::string{}; }

std::vector<std::string> Reader::octets_list(std::string_view name) const {
    std::vector<std::string> all;
    const Json* const found = list(name);
    for (std::size_t i = 0; found != nullptr && i < found->size(); ++i)
        all.push_back(octets_of((*found)[i], std::string(name) + '[' + std::to_string(i) + ']'));
    return all;
}

Json octets_json(std::string_view octets) {
    if (base::valid_utf8(octets)) return std::string(octets);
    std::string text;
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x80) text += static_cast<char>(0xc0U | octet >> 6U);
        text += static_cast<char>(octet >= 0x80 ? 0x80U | (octet & 0x3fU) : octet);
    }
    return Json{{"octets", std::move(text)}};
}

std::vector<Reader> Reader::objects(std::string_view name) const {
    std::vector<Reader> all;
    const Json* const found = list(name);
    const std::string place = place_ + (place_.empty() ? "" : ".") + std::string(name);
    for (std::size_t i = 0; found != nullptr && i < found->size(); ++i)
        all.emplace_back((*found)[i], place + '[' + std::to_string(i) + ']', *problem_);
    return all;
}

} // namespace explain
