// dane/advice.hpp - whether DANE or MTA-STS protects a next hop, in one word.
#pragma once

#include <cstdint>
#include <string_view>

namespace dane {

enum class Advice : std::uint8_t {
    no_verdict, ///< not looked up, or lookups failed: an earlier verdict may stand in for a time, else sts
    sts,        ///< DANE does not protect this next hop: its MTA-STS policy does
    dane_only,  ///< secure MX RRset, and no host definitely without usable secure TLSA
};
[[nodiscard]] constexpr std::string_view to_string(Advice advice) noexcept {
    switch (advice) {
    case Advice::dane_only: return "dane-only";
    case Advice::sts: return "sts";
    case Advice::no_verdict: break;
    }
    return "unknown";
}

} // namespace dane
