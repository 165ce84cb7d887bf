#include "dane/tlsa.hpp"

namespace dane {
namespace {

constexpr std::size_t longest_name = 253; // RFC 1035 section 2.3.4, as text without the final dot
constexpr std::size_t sha256_size = 32, sha512_size = 64;

} // namespace

std::optional<Tlsa> parse_tlsa(std::string_view rdata) {
    if (rdata.size() < 3) return std::nullopt;
    Tlsa record;
    record.usage = static_cast<std::uint8_t>(rdata[0]);
    record.selector = static_cast<std::uint8_t>(rdata[1]);
    record.matching = static_cast<std::uint8_t>(rdata[2]);
    record.data = rdata.substr(3);
    return record;
}

bool usable(const Tlsa& record) noexcept {
    if (record.usage != 2 && record.usage != 3) return false;
    if (record.selector > 1) return false;
    switch (record.matching) {
    case 0: return !record.data.empty();
    case 1: return record.data.size() == sha256_size;
    case 2: return record.data.size() == sha512_size;
    default: return false;
    }
}

std::string tlsa_name(std::string_view host, std::uint16_t port) {
    std::string name = '_' + std::to_string(port) + "._tcp.";
    name += host;
    if (name.size() > longest_name) name.clear();
    return name;
}

} // namespace dane
