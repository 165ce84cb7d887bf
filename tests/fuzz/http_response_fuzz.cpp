// HttpReader and ConnectReader with any octets. The first octet picks how the rest is cut: the outcome must
// not depend on it, and must never exceed the limits.
#include "fuzz.hpp"

#include "fetch/http_reader.hpp"

#include <optional>
#include <string>

namespace {

fetch::Response read(std::string_view octets, std::size_t step, bool clean) {
    fetch::HttpReader reader;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (auto fetched = reader.feed(octets.substr(at, step))) return *fetched;
    return reader.finish(clean);
}

/// The outcome of a proxy's reply; nothing while it is not complete.
std::optional<base::Expected<void, fetch::Failure>> connect(std::string_view octets, std::size_t step) {
    fetch::ConnectReader reader;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (auto done = reader.feed(octets.substr(at, step))) return done;
    return std::nullopt;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned how = input.octet();
    const bool clean = (how & 1) != 0;
    const std::size_t step = 1 + (how >> 1);
    const std::string_view octets = input.rest();
    const fetch::Response whole = read(octets, octets.size() + 1, clean);
    const fetch::Response pieces = read(octets, step, clean);
    fuzz::require(whole.has_value() == pieces.has_value(), "cuts do not matter");
    if (whole) {
        fuzz::require(*whole == *pieces, "cuts do not change the body");
        fuzz::require(whole->size() <= fetch::max_body, "a body within its limit");
        const fetch::Response ended = read(octets, octets.size() + 1, true);
        fuzz::require(ended && *ended == *whole, "a clean end can only help");
    } else {
        fuzz::require(whole.error().reason == pieces.error().reason, "cuts do not change the reason");
        const std::string_view reason = base::to_string(whole.error().reason);
        fuzz::require(reason.starts_with("http-"), "an http_* reason");
        fuzz::require(whole.error().detail.size() < 400, "words, and not too many");
    }
    const auto tunnel = connect(octets, octets.size() + 1), tunnel_in_pieces = connect(octets, step);
    fuzz::require(tunnel.has_value() == tunnel_in_pieces.has_value(), "cuts do not matter to a tunnel");
    if (tunnel && !*tunnel)
        fuzz::require(tunnel->error().reason == base::Reason::proxy_failed &&
                          tunnel->error().detail.size() < 400,
                      "the proxy's fault");
    return 0;
}
