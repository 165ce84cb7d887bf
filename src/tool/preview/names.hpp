// tool/preview/names.hpp - texts as numbers: each different one is kept once. Pure, but for the key of its hash.
#pragma once

#include "base/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace preview {

class Names {
public:
    explicit Names(std::size_t most) : most_(most) {}

    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
        const auto found = numbers_.find(name);
        return found == numbers_.end() ? std::nullopt : std::optional(found->second);
    }
    /// Its number, from 0 in the order of their first coming; nullopt: there are as many as there may be.
    [[nodiscard]] std::optional<std::uint32_t> number(std::string_view name) {
        if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
        if (texts_.size() >= most_) return std::nullopt;
        const auto made = static_cast<std::uint32_t>(texts_.size());
        texts_.emplace_back(name);
        numbers_.emplace(texts_.back(), made);
        return made;
    }
    [[nodiscard]] const std::string& text(std::uint32_t number) const { return texts_.at(number); }
    [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }

private:
    std::size_t most_;
    std::deque<std::string> texts_; ///< they stay where they are
    std::unordered_map<std::string_view, std::uint32_t, base::KeyedHash, std::equal_to<>> numbers_;
};

} // namespace preview
