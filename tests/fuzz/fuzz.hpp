// tests/fuzz/fuzz.hpp - what every fuzz target needs: the entry point's shape, a check that stops the run,
// and a reader for inputs that consist of parts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace fuzz {

/// Stops with a message when a property does not hold; unlike assert() also in builds with NDEBUG.
inline void require(bool holds, std::string_view property) {
    if (holds) return;
    std::fprintf(stderr, "property violated: %.*s\n", static_cast<int>(property.size()), property.data());
    std::abort();
}

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Printable ASCII and nothing else: fit for a log line or a terminal.
inline bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// Reads an input part by part; zeros and empty parts after its end.
class Script {
public:
    explicit Script(std::string_view text) : rest_(text) {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    unsigned octet() {
        if (rest_.empty()) return 0;
        const auto value = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    unsigned number() { // of two octets
        const unsigned high = octet();
        return high << 8 | octet();
    }
    std::string_view octets(std::size_t n) {
        const std::string_view taken = rest_.substr(0, n);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    /// Up to `separator`, which is dropped.
    std::string_view until(char separator) {
        const std::string_view taken = rest_.substr(0, rest_.find(separator));
        rest_.remove_prefix(std::min(taken.size() + 1, rest_.size()));
        return taken;
    }
    std::string_view rest() { return octets(rest_.size()); }

private:
    std::string_view rest_;
};

} // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
