// Octets cut anywhere give the same frames and the same error; every frame, framed again, reads back as the
// same.
#include "fuzz.hpp"

#include "postfix/netstring.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr std::size_t max_payload = 300;

struct Outcome {
    std::vector<std::string> frames;
    std::optional<postfix::FrameErrc> error;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view wire, std::size_t piece) {
    postfix::NetstringReader reader{max_payload};
    Outcome out;
    for (; !wire.empty(); wire.remove_prefix(std::min(piece, wire.size()))) {
        reader.feed(wire.substr(0, piece));
        while (const auto next = reader.next()) {
            if (!*next) {
                out.error = next->error();
                break;
            }
            fuzz::require((*next)->size() <= max_payload, "payload within its bound");
            out.frames.emplace_back(**next);
        }
        fuzz::require(reader.buffered() <= piece + max_payload + postfix::max_length_digits + 2,
                      "memory bounded");
    }
    return out;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view wire = fuzz::view(data, size);
    const Outcome whole = read(wire, std::max<std::size_t>(size, 1));
    for (std::size_t piece : {1u, 2u, 7u}) fuzz::require(read(wire, piece) == whole, "cuts do not matter");
    std::string again;
    for (const std::string& frame : whole.frames) again += postfix::frame(frame);
    const Outcome second = read(again, 5);
    fuzz::require(second.frames == whole.frames && !second.error, "frames survive framing");
    return 0;
}
