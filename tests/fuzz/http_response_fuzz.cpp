// Fuzz target: HttpReader and ConnectReader over any octets. The first octet picks how the rest is cut; the
// outcome must not depend on it, and never be larger than the limits.
#include "fetch/http_reader.hpp"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

fetch::Fetched read(std::string_view octets, std::size_t step, bool clean) {
    fetch::HttpReader reader;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (auto fetched = reader.feed(octets.substr(at, step))) return *fetched;
    return reader.finish(clean);
}

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool clean = data[0] & 1;
    const std::size_t step = 1 + (data[0] >> 1);
    const fetch::Fetched whole = read(octets, octets.size() + 1, clean);
    const fetch::Fetched pieces = read(octets, step, clean);
    require(whole.has_value() == pieces.has_value());
    if (whole) {
        require(*whole == *pieces && whole->size() <= fetch::max_body);
    } else {
        require(whole.error().reason == pieces.error().reason);
        require(whole.error().reason != base::Reason::none && whole.error().detail.size() < 400);
    }
    fetch::ConnectReader proxy;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (proxy.feed(octets.substr(at, step))) break;
    return 0;
}
