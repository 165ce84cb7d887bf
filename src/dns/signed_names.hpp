// dns/signed_names.hpp - which questions were answered with AD recently, so that an answer that lost its AD
// is noticed. Pure.
//
// A table of fixed size (32 KiB): new entries overwrite old ones, and two questions may be confused; this
// only costs a probe of the server.
#pragma once

#include "dns/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dns {

class SignedNames {
public:
    static constexpr std::size_t slots = 4096;

    /// `seed` must not be predictable.
    explicit SignedNames(std::uint64_t seed) : seed_(seed), marks_(slots) {}

    void remember(std::string_view name, Type type) {
        const std::uint64_t mark = mark_of(name, type);
        marks_[mark % slots] = mark;
    }
    /// True when it was remembered.
    bool forget(std::string_view name, Type type) {
        const std::uint64_t mark = mark_of(name, type);
        if (marks_[mark % slots] != mark) return false;
        marks_[mark % slots] = 0;
        return true;
    }

private:
    /// FNV-1a from the seed on, stirred; never 0.
    [[nodiscard]] std::uint64_t mark_of(std::string_view name, Type type) const noexcept {
        std::uint64_t mark = seed_ ^ static_cast<std::uint64_t>(type);
        for (const char c : name) mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        mark = (mark ^ mark >> 32) * 0x9e3779b97f4a7c15;
        return (mark ^ mark >> 29) | 1U << 31;
    }
    std::uint64_t seed_;
    std::vector<std::uint64_t> marks_;
};

} // namespace dns
