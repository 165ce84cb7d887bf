// Whatever a mail server sends, its replies are the same in any pieces, within the limits, and hold what was sent.
//
// The input: an octet for the cuts, then the octets.
#include "fuzz.hpp"

#include "smtp/reply.hpp"

#include <vector>

namespace {

using smtp::Reply;
using smtp::ReplyReader;

struct Read {
    std::vector<Reply> replies;
    std::string stray, trouble;
    friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view octets, std::size_t piece) {
    ReplyReader reader;
    Read made;
    while (!octets.empty()) {
        std::string_view part = octets.substr(0, piece);
        octets.remove_prefix(part.size());
        while (!part.empty()) {
            const std::size_t before = part.size();
            const ReplyReader::State state = reader.feed(part);
            if (state == ReplyReader::State::bad) {
                fuzz::require(!reader.trouble().empty(), "a limit has words");
                made.trouble = reader.trouble();
                return made;
            }
            fuzz::require(part.size() < before, "it takes octets");
            if (state == ReplyReader::State::whole)
                made.replies.push_back(reader.reply());
            else
                fuzz::require(part.empty(), "it takes all that is no reply yet");
        }
    }
    made.stray = reader.stray();
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script script(fuzz::view(data, size));
    const std::size_t piece = 1 + script.octet() % 64;
    const std::string_view octets = script.rest();
    const Read made = read(octets, piece);
    for (const Reply& reply : made.replies) {
        fuzz::require(reply.code >= 0 && reply.code <= 999, "a code has three digits");
        fuzz::require(!reply.lines.empty() && reply.lines.size() <= smtp::max_reply_lines,
                      "lines within the limit");
        std::size_t sum = 0;
        for (std::size_t line = 0; line < reply.lines.size(); ++line) {
            fuzz::require(reply.lines[line].size() <= smtp::max_reply_line, "a line within the limit");
            fuzz::require(octets.find(reply.lines[line]) != std::string_view::npos, "a line that was sent");
            fuzz::require(reply.lines[line].ends_with(reply.text(line)), "the text is the line's end");
            sum += reply.lines[line].size() + 1;
        }
        fuzz::require(sum <= smtp::max_reply_octets, "octets within the limit");
        fuzz::require(reply.words().size() + 1 == sum, "all lines in one");
    }
    fuzz::require(made == read(octets, octets.size() + 1), "the same in other pieces");
    return 0;
}
