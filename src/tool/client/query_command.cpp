#include "tool/client/query_command.hpp"

#include "base/text.hpp"
#include "postfix/request.hpp"
#include "tool/client/control_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <istream>
#include <optional>
#include <ostream>
#include <utility>

namespace tool {

namespace {

using base::Exit;

/// A longer line of input is not a domain.
constexpr std::size_t max_line = 10000;

// Postfix separates a policy's words by these (CHARS_COMMA_SP).
constexpr std::string_view separators = ", \t\r\n";
constexpr std::string_view blanks = " \t\r\n";

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Removes the next word from `text` and returns it: up to a separator, or a group in braces.
std::string_view next_word(std::string_view& text) {
    const std::size_t first = text.find_first_not_of(separators);
    if (first == std::string_view::npos) return text = {};
    text.remove_prefix(first);
    if (text.front() == '{') {
        int depth = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth > 0) continue;
            const std::string_view word = trim(text.substr(1, i - 1));
            text.remove_prefix(i + 1);
            return word;
        }
    }
    const std::string_view word = text.substr(0, text.find_first_of(separators));
    text.remove_prefix(word.size());
    return word;
}

void parse_policy(std::string_view text, Reply& reply) {
    reply.level = base::ascii_lower(next_word(text));
    for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) {
        const std::size_t equals = word.find('=');
        const std::string name = base::ascii_lower(trim(word.substr(0, equals)));
        const std::string_view value = equals == std::string_view::npos ? "" : trim(word.substr(equals + 1));
        if (name != "match") {
            reply.attributes.emplace_back(name, value);
            continue;
        }
        for (std::size_t begin = 0; begin <= value.size();) {
            const std::size_t end = std::min(value.find(':', begin), value.size());
            if (end > begin) reply.match.emplace_back(value.substr(begin, end - begin));
            begin = end + 1;
        }
    }
}

/// For the answers to one run. After the first failure it is not asked again.
class Reasons {
public:
    explicit Reasons(const QueryOptions& options) : options_(options) {}

    Behind of(const std::string& domain) {
        if (!options_.behind || over_ || options_.map == postfix::status_map) return {};
        std::optional<Behind> found = options_.behind(domain);
        over_ = !found;
        return found ? std::move(*found) : Behind{};
    }

private:
    const QueryOptions& options_;
    bool over_ = false;
};

nlohmann::ordered_json to_json(const std::string& domain, const std::string& map, const std::string& payload,
                               const Reply& reply, double took_ms, const nlohmann::ordered_json& dane,
                               const Behind& behind) {
    nlohmann::ordered_json object{{"schema", control_schema}, {"domain", domain},       {"map", map},
                                  {"reply", payload},         {"status", reply.status}, {"dane", dane}};
    object["level"] = reply.level.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(reply.level);
    object["match"] = reply.match;
    auto attributes = nlohmann::ordered_json::object();
    for (const auto& [name, value] : reply.attributes) {
        // These two may occur many times; they are lists even if they occur once.
        if (name == "mx_host_pattern" || name == "policy_string")
            attributes[name].push_back(value);
        else
            attributes[name] = value;
    }
    object["attributes"] = std::move(attributes);
    if (!reply.words.empty()) object["words"] = reply.words;
    object["took_ms"] = took_ms;
    object.update(behind.members);
    return object;
}

/// The domains of the command line, or of `in`, one on each line.
class Domains {
public:
    Domains(const std::vector<std::string>& given, std::istream& in)
        : given_(given), in_(in), from_input_(given.empty() || (given.size() == 1 && given.front() == "-")) {}
    [[nodiscard]] bool several() const { return from_input_ || given_.size() > 1; }
    std::optional<std::string> next() {
        if (!from_input_) return at_ < given_.size() ? std::optional(given_[at_++]) : std::nullopt;
        for (std::string line; std::getline(in_, line);)
            if (const std::string_view word = trim(line); !word.empty())
                return std::string(word.substr(0, max_line));
        return std::nullopt;
    }

private:
    const std::vector<std::string>& given_;
    std::istream& in_;
    std::size_t at_ = 0;
    bool from_input_;
};

base::Expected<SocketmapClient, ClientError> connect_first(const QueryOptions& options) {
    ClientError all{ClientError::Kind::bad_address, ""}; // unless at least one address is valid
    for (const std::string& address : options.addresses) {
        auto client = SocketmapClient::connect(address, options.connect_limit);
        if (client) return client;
        if (client.error().kind != ClientError::Kind::bad_address) all.kind = client.error().kind;
        all.words += (all.words.empty() ? "" : "\n") + client.error().words;
    }
    if (options.addresses.empty()) all.words = "no address to ask";
    return base::unexpected(std::move(all));
}

/// Asks as Postfix does: if the connection breaks before the reply is complete, asks again at once on a new
/// connection. A daemon that stops closes connections without a reply; the next daemon has the answer.
base::Expected<std::string, ClientError> ask(SocketmapClient& client, const QueryOptions& options,
                                             const std::string& map, const std::string& key) {
    auto payload = client.ask(map, key, options.reply_limit);
    if (payload || payload.error().kind != ClientError::Kind::broken) return payload;
    { // closed before the next attempt: the other end may serve one client at a time
        const SocketmapClient broken = std::move(client);
    }
    auto again = connect_first(options);
    if (!again) return base::unexpected(again.error());
    client = std::move(*again);
    return client.ask(map, key, options.reply_limit);
}

/// Whether the daemon looks for DANE, in its own words; null when it does not say.
nlohmann::ordered_json dane_status(SocketmapClient& client, const QueryOptions& options) {
    const auto payload = ask(client, options, std::string(postfix::status_map), "dane");
    if (!payload || !payload->starts_with("OK ")) return {};
    return payload->substr(3);
}

Exit report(const ClientError& error, std::ostream& err) {
    for (std::string_view rest = error.words; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        err << "stsmap: " << shown(line) << '\n';
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return error.kind == ClientError::Kind::bad_address ? Exit::usage : Exit::unreachable;
}

} // namespace

std::string shown(std::string_view reply) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : reply) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f)
            out += c;
        else
            out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return out;
}

Reply parse_reply(std::string_view payload) {
    Reply reply;
    const std::size_t space = payload.find(' ');
    reply.status = payload.substr(0, space);
    const std::string_view rest = space == std::string_view::npos ? "" : payload.substr(space + 1);
    if (reply.status == "OK")
        parse_policy(rest, reply);
    else
        reply.words = rest;
    return reply;
}

base::Exit query(const QueryOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
    auto client = connect_first(options);
    if (!client) return report(client.error(), err);

    const nlohmann::ordered_json dane =
        options.json ? dane_status(*client, options) : nlohmann::ordered_json();
    Exit result = Exit::done;
    Domains domains{options.domains, in};
    Reasons reasons{options};
    while (const std::optional<std::string> domain = domains.next()) {
        const auto began = std::chrono::steady_clock::now();
        auto payload = ask(*client, options, options.map, *domain);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
        if (!payload) {
            out.flush();
            return report(payload.error(), err);
        }
        const Reply reply = parse_reply(*payload);
        if (reply.status != "OK" && reply.status != "NOTFOUND") result = Exit::trouble;
        while (payload->ends_with(' ')) payload->pop_back();
        const bool told = reply.status == "OK" || reply.status == "PERM"; // all there is
        const Behind behind = options.json || !told ? reasons.of(*domain) : Behind{};
        if (options.json)
            out << to_json(*domain, options.map, *payload, reply, took.count(), dane, behind)
                       .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
        else if (domains.several())
            out << shown(*domain) << ": " << shown(*payload);
        else
            out << shown(*payload);
        if (!options.json && !behind.words.empty()) out << " (" << shown(behind.words) << ')';
        out << '\n' << std::flush;
        if (payload->starts_with(
                "PERM")) { // the daemon closes the connection after it: the next domain needs a new one
            client = connect_first(options);
            if (!client) return report(client.error(), err);
        }
    }
    return result;
}

} // namespace tool
