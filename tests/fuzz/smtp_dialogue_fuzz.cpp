// Whatever a mail server sends, and in whichever pieces, the dialogue says only EHLO, HELO, STARTTLS and QUIT, each
// once at most, comes to an end, keeps little, and ends the same.
//
// The input: an octet for the cuts, an octet for how it ends, then what the server sends.
#include "fuzz.hpp"

#include "smtp/dialogue.hpp"

#include <algorithm>

namespace {

using smtp::Dialogue;
using Want = Dialogue::Want;

struct Ended {
    smtp::Sighting seen;
    std::string said;
    friend bool operator==(const Ended&, const Ended&) = default;
};

/// What has been said must be a beginning of what may be said.
void check_manners(const std::string& said) {
    const std::string ehlo = "EHLO client.test\r\n", helo = ehlo + "HELO client.test\r\n",
                      starttls = "STARTTLS\r\n", quit = "QUIT\r\n";
    for (const std::string& whole :
         {std::string{}, quit, ehlo, ehlo + quit, helo, helo + quit, ehlo + starttls, ehlo + starttls + quit})
        if (said == whole) return;
    fuzz::require(false, "only EHLO, HELO, STARTTLS and QUIT, in this order");
}

Ended talk(std::string_view octets, std::size_t piece, unsigned end) {
    Dialogue dialogue("client.test");
    Ended made;
    while (!octets.empty() && dialogue.want() == Want::octets) {
        const std::string_view part = octets.substr(0, piece);
        octets.remove_prefix(part.size());
        dialogue.received(part);
        made.said += dialogue.to_send();
        check_manners(made.said);
    }
    if (dialogue.want() == Want::tls) {
        fuzz::require(made.said.ends_with("STARTTLS\r\n"), "TLS only after STARTTLS");
        if (end % 2 == 0)
            dialogue.not_shaken(smtp::Trouble::tls_handshake, "words");
        else
            dialogue.shaken();
    }
    made.said += dialogue.to_send();
    if (end % 4 < 2)
        dialogue.closed("words");
    else
        dialogue.timed_out();
    made.said += dialogue.to_send();
    check_manners(made.said);
    fuzz::require(dialogue.want() == Want::end, "it ends");
    made.seen = dialogue.seen();
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script script(fuzz::view(data, size));
    const std::size_t piece = 1 + script.octet() % 64;
    const unsigned end = script.octet();
    const std::string_view octets = script.rest();

    const Ended ended = talk(octets, piece, end);
    const smtp::Sighting& seen = ended.seen;
    fuzz::require(seen.stage != smtp::Stage::done || seen.trouble == smtp::Trouble::none,
                  "the end has no trouble");
    fuzz::require(seen.stage == smtp::Stage::done || seen.trouble != smtp::Trouble::none,
                  "an early end has one");
    fuzz::require(seen.banner.size() <= smtp::max_kept_text && seen.words.size() <= smtp::max_kept_text &&
                      seen.ehlo.size() <= smtp::max_reply_lines,
                  "little is kept");
    fuzz::require(
        std::ranges::all_of(seen.ehlo, [](const auto& line) { return line.size() <= smtp::max_kept_text; }),
        "little is kept of a line");
    // The one thing that pieces may change: what is found behind the reply to STARTTLS before the handshake.
    Ended other = talk(octets, octets.size() + 1, end);
    if (seen.trouble == smtp::Trouble::injected || other.seen.trouble == smtp::Trouble::injected) return 0;
    fuzz::require(ended == other, "the same in other pieces");
    return 0;
}
