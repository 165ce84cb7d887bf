// Whatever an engine sends, its replies are the same in any pieces and within the limits, and a connection gives each
// command one answer.
//
// The input: an octet for the cuts, then the octets.
#include "fuzz.hpp"

#include "cache/valkey/link.hpp"
#include "cache/valkey/sentinel.hpp"

#include <set>
#include <vector>

namespace {

using namespace std::chrono_literals;
using valkey::Link;
using valkey::Reply;
using valkey::ReplyLimits;
using valkey::ReplyReader;

constexpr ReplyLimits limits{512, 40, 3};

struct Read {
    std::vector<Reply> replies;
    valkey::Failure failure; ///< with words: it went bad
    friend bool operator==(const Read&, const Read&) = default;
};

std::size_t elements(const Reply& reply, int depth) {
    fuzz::require(reply.elements.empty() || reply.kind == Reply::Kind::array, "only an array has elements");
    fuzz::require(reply.kind != Reply::Kind::array || depth < limits.depth, "nested within the limit");
    std::size_t sum = reply.elements.size();
    for (const Reply& element : reply.elements) sum += elements(element, depth + 1);
    return sum;
}

Read read(std::string_view octets, std::size_t piece) {
    ReplyReader reader(limits);
    Read made;
    for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size()))) {
        reader.feed(octets.substr(0, piece));
        for (;;) {
            const ReplyReader::State state = reader.next();
            if (state == ReplyReader::State::more) break;
            if (state == ReplyReader::State::bad) {
                made.failure = reader.failure();
                fuzz::require(!made.failure.words.empty() && fuzz::is_printable(made.failure.words), "words");
                return made;
            }
            made.replies.push_back(reader.reply());
        }
    }
    return made;
}

/// Every octet that the peer of a connection may send, in each of its states.
void link(std::string_view octets, std::size_t piece, bool subscribe, bool greet) {
    base::Steady now{1s};
    valkey::Login login;
    login.ask_role = greet;
    if (greet) {
        login.password = "secret";
        login.database = 1;
        login.expiry_key = "k";
    }
    valkey::LinkTuning tuning;
    tuning.replies = limits;
    Link made(login, tuning, now, now + 2s);
    std::set<Link::Id> open;
    const auto tells_password = [&login](const valkey::Failure& failure) {
        return !login.password.empty() && failure.words.find(login.password) != std::string::npos;
    };
    const auto take = [&] {
        for (const Link::Done& done : made.done()) {
            fuzz::require(open.erase(done.id) == 1, "one answer for each command");
            if (done.answer) continue;
            fuzz::require(fuzz::is_printable(done.answer.error().words), "printable words");
            fuzz::require(!tells_password(done.answer.error()), "no password");
        }
        for (const Link::Message& message : made.messages())
            fuzz::require(message.channel == "c" && made.subscribed(), "messages of our channel");
        fuzz::require(made.next_tick() > now || made.state() == Link::State::over, "no tick is due for ever");
    };
    Link::Id id = 0;
    for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size()))) {
        if (subscribe)
            made.subscribe("c", now);
        else if (!made.send(++id, "PING\r\n", now + 2s))
            open.insert(id);
        (void)made.output();
        made.received(octets.substr(0, piece), now);
        take();
        now += 500ms;
        made.tick(now);
        take();
    }
    made.lost({valkey::Trouble::down, "gone"});
    take();
    fuzz::require(open.empty(), "every command is answered");
    fuzz::require(!tells_password(made.failure()), "no password");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script script(fuzz::view(data, size));
    const unsigned first = script.octet();
    const std::size_t piece = 1 + first % 64;
    const std::string_view octets = script.rest();
    const Read made = read(octets, piece);
    for (const Reply& reply : made.replies) {
        fuzz::require(elements(reply, 0) <= limits.elements, "elements within the limit");
        (void)valkey::replicas_in(reply);
        if (const auto address = valkey::primary_in(reply))
            fuzz::require(fuzz::is_printable(to_string(*address)) && address->port != 0, "an address");
    }
    // What is too large is found earlier in small pieces than in large ones.
    const Read other = read(octets, 1);
    if (made.failure.trouble != valkey::Trouble::too_large &&
        other.failure.trouble != valkey::Trouble::too_large)
        fuzz::require(made == other, "the same in other pieces");
    link(octets, piece, (first & 0x40) != 0, (first & 0x80) != 0);
    return 0;
}
