// The administration's HTTP with any octets: requests are read, and what they ask for is found. The first octet picks
// how the rest is cut, which must not matter.
#include "fuzz.hpp"

#include "admin/http_reply.hpp"
#include "admin/http_request.hpp"
#include "admin/limits.hpp"
#include "admin/routes.hpp"
#include "admin/target.hpp"
#include "admin/web_host.hpp"
#include "base/text.hpp"

#include <string>
#include <vector>

namespace {

using namespace admin;

const std::vector<std::string> own_hosts{"mx1.example.com", "[2001:db8::1]"};

/// A second reading of which hosts are admitted: a name of the list, and perhaps digits behind a colon.
bool is_ours(std::string text) {
    const std::size_t end = text.find_last_not_of("0123456789");
    if (end != text.npos && text[end] == ':' && text.size() - end <= 6) text.resize(end);
    text = base::ascii_lower(text);
    if (text.starts_with('[')) return text.find(']') == text.size() - 1; // any spelling of ::1 or of the configured one
    return text == "localhost" || text == "127.0.0.1" || text == "mx1.example.com";
}

/// Over the web listener less is there, and only for admitted hosts.
void over_the_web(const Head& head, const base::Expected<Match, NoMatch>& over_control) {
    const auto matched = match(head, Entrance::web, own_hosts);
    if (matched) {
        fuzz::require(over_control.has_value() || head.method == "HEAD", "the control socket has it, too");
        fuzz::require(matched->route->web && matched->route->right == Right::read, "only reading");
        fuzz::require(head.method == "GET" || head.method == "HEAD", "only GET and HEAD");
        fuzz::require(head.hosts == 1 && is_ours(head.host), "only admitted hosts");
        const auto authority = authority_of(head.target);
        fuzz::require(!authority || is_ours(std::string(*authority)), "also in the target");
        return;
    }
    const NoMatch& wrong = matched.error();
    fuzz::require(wrong.error.status >= 400 && wrong.error.status < 500, "a refusal");
    fuzz::require(wrong.host.empty() || wrong.error.status == 421, "only 421 names a host");
    fuzz::require(fuzz::is_printable(wrong.host) && wrong.host.size() <= 260, "the host is printable, and short");
}

/// What became of the requests, as text.
std::vector<std::string> read(std::string_view octets, std::size_t step) {
    std::vector<std::string> out;
    RequestReader reader;
    std::optional<Head> head;
    std::string body;
    const auto failed = [&out](const Error& error) {
        fuzz::require(error.status >= 400 && error.status < 600 && !error.code.empty(),
                      "a status of errors, a code");
        fuzz::require(base::valid_utf8(error.words) && error.words.size() < 400, "words, and not too many");
        fuzz::require(Json::accept(line_of(error)), "an error is JSON");
        out.push_back(std::to_string(error.status) + error.code);
    };
    for (;;) {
        if (!head) {
            auto got = reader.head();
            if (!got) {
                failed(got.error());
                return out;
            }
            head = *std::move(got);
        }
        if (head) {
            fuzz::require(head->target.size() <= max_head, "a head within its limit");
            auto piece = reader.body();
            if (!piece) {
                failed(piece.error());
                return out;
            }
            fuzz::require(piece->size() <= max_input, "a piece within its limit");
            fuzz::require(piece->empty() || head->has_body, "a body only where the head says so");
            body += *piece;
        }
        if (head && reader.complete()) {
            fuzz::require(!head->length || body.size() == *head->length, "the length is that of the head");
            const auto matched = match(*head);
            over_the_web(*head, matched);
            if (matched) {
                fuzz::require(matched->by.size() <= max_by && fuzz::is_printable(matched->by),
                              "by is printable");
                for (const auto& [name, value] : matched->parameters)
                    fuzz::require(base::valid_utf8(value) && value.find('\0') == value.npos &&
                                      (name != "domain" || (value.find('/') == value.npos && value != "..")),
                                  "parameters are clean");
                out.emplace_back(to_string(matched->route->operation));
            } else {
                failed(matched.error().error);
                fuzz::require((matched.error().error.status == 405) == !matched.error().allow.empty(),
                              "Allow with 405");
            }
            out.push_back(std::exchange(body, {}));
            head.reset();
            reader.next();
            continue;
        }
        const std::string_view piece = octets.substr(0, std::min(step, reader.room()));
        if (piece.empty()) {
            fuzz::require(octets.empty(), "there is room until an error");
            return out;
        }
        reader.feed(piece);
        octets.remove_prefix(piece.size());
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const std::size_t step = 1 + input.octet();
    const std::string_view octets = input.rest();
    auto whole = read(octets, octets.size() + 1), pieces = read(octets, step);
    // Of a head that is not complete, Beast may see sooner or later that it is none.
    auto& longer = whole.size() > pieces.size() ? whole : pieces;
    if (whole.size() != pieces.size()) {
        fuzz::require(longer.back().starts_with("4") || longer.back().starts_with("5"), "one more error at most");
        longer.pop_back();
    }
    fuzz::require(whole == pieces, "cuts do not matter");
    return 0;
}
