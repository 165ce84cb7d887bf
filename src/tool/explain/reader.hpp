// tool/explain/reader.hpp - members of JSON objects as typed values; remembers the first one that is wrong. Pure.
#pragma once

#include "base/clock.hpp"
#include "tool/explain/evidence.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace explain {

/// One object, and the place it stands at. Copies share the first error.
class Reader {
public:
    /// `problem` outlives it, and is empty at first.
    Reader(const Json& object, std::string place, std::string& problem);

    // A member that must be there; a value of its type after an error.
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::int64_t number(std::string_view name) const; ///< 0 or more
    [[nodiscard]] base::Instant time(std::string_view name) const;
    [[nodiscard]] Reader object(std::string_view name) const;

    // One that may be missing.
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string text_or(std::string_view name, std::string_view otherwise = {}) const;
    [[nodiscard]] std::int64_t number_or(std::string_view name, std::int64_t otherwise) const;
    [[nodiscard]] bool flag_or(std::string_view name, bool otherwise) const;
    [[nodiscard]] std::optional<base::Instant> time_if(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
    [[nodiscard]] std::vector<Reader> objects(std::string_view name) const;

    // A text of others, which may hold any octets: see octets_json().
    [[nodiscard]] std::string octets(std::string_view name) const;
    [[nodiscard]] std::string octets_or(std::string_view name) const; ///< "": it may be missing
    [[nodiscard]] std::vector<std::string> octets_list(std::string_view name) const;

    /// A text that must be one of these words.
    [[nodiscard]] std::string word(std::string_view name,
                                   std::initializer_list<std::string_view> words) const;

    void fail(std::string_view name, std::string_view problem) const; ///< keeps the first

private:
    [[nodiscard]] const Json* find(std::string_view name) const;
    [[nodiscard]] const Json* must(std::string_view name) const;
    [[nodiscard]] const Json* list(std::string_view name) const;
    [[nodiscard]] std::string octets_of(const Json& json, const std::string& name) const;

    const Json* json_;
    std::string place_;
    std::string* problem_;
};

/// The text as it is when it is UTF-8, else {"octets": ...} with one character, U+0000 to U+00FF, for each octet.
[[nodiscard]] Json octets_json(std::string_view octets);

} // namespace explain
