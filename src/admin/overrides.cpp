#include "admin/overrides.hpp"

#include "admin/await.hpp"
#include "admin/json.hpp"
#include "base/domain.hpp"
#include "base/text.hpp"
#include "base/utc.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <optional>
#include <utility>

namespace admin {

namespace asio = boost::asio;
using decision::Override;

namespace {

auto fail(unsigned status, std::string code, std::string words, std::string field = {}) {
    return base::unexpected(Error{status, std::move(code), std::move(words), std::move(field)});
}

/// The whole body.
asio::awaitable<base::Expected<std::string, Error>> read_all(Body& body) {
    std::string all;
    for (;;) {
        auto piece = co_await body.next();
        if (!piece) co_return base::unexpected(std::move(piece.error()));
        if (!*piece) co_return all;
        if (all.size() + (*piece)->size() > max_override_text)
            co_return fail(413, "too-large",
                           "an override has at most " + std::to_string(max_override_text) + " octets");
        all += **piece;
    }
}

/// Entries between which others on the thread have their turn.
constexpr std::size_t in_a_row = 100;

/// Of a list of overrides, those for suffixes, with their places in it.
using Suffixes = std::multimap<std::string_view, std::size_t>;

/// Whether another override, which is more specific, applies to the domain.
bool is_taken(const Override& entry, std::string_view domain, const lookup::ServiceOptions& options,
              base::Instant now) {
    const Override* const found = options.overrides ? options.overrides->find(domain, now) : nullptr;
    return found != nullptr && found->domain.size() > entry.domain.size();
}

} // namespace

/// Overrides, and what each hides: Hidden refers to the rest.
struct Overrides::Judgement {
    std::vector<Override> entries;
    lookup::ServiceOptions options;
    base::Instant now;
    std::vector<Hidden> hidden = {}; ///< of each entry

    /// A domain with a policy, to each suffix that covers it. `suffixes`: with their places in the list.
    void add_below(const Suffixes& suffixes, const cache::Table::Seen& seen) {
        const std::string_view name = seen.domain.name();
        for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
            const auto [first, last] = suffixes.equal_range(name.substr(dot));
            for (auto at = first; at != last; ++at)
                if (!is_taken(entries[at->second], name, options, now))
                    hidden[at->second].add(name, seen.entry);
        }
    }
};

std::shared_ptr<Overrides::Judgement> Overrides::about(std::vector<Override> entries) const {
    return std::make_shared<Judgement>(Judgement{std::move(entries), parts_.options(), parts_.clock.now()});
}

/// A reply that an override is in use, or no longer is, must not overtake the change.
asio::awaitable<void> Overrides::in_use() const {
    std::function<void(std::function<void(bool)>)> start = [this](std::function<void(bool)> done) {
        parts_.when_in_use([done = std::move(done)] { done(true); });
    };
    auto call = called_back<bool>(std::move(start));
    co_await std::move(call);
}

asio::awaitable<void> Overrides::judge(std::shared_ptr<Judgement> about) {
    Suffixes suffixes;
    about->hidden.reserve(about->entries.size());
    for (std::size_t at = 0; at < about->entries.size(); ++at) {
        if (at % in_a_row == in_a_row - 1) {
            co_await asio::post(parts_.executor, asio::use_awaitable);
        }
        const Override& entry = about->entries[at];
        about->hidden.emplace_back(entry, about->options, about->now);
        if (entry.domain.starts_with('.'))
            suffixes.emplace(entry.domain, at);
        else if (const auto domain = base::Domain::parse(entry.domain))
            about->hidden.back().add(entry.domain, parts_.table.find(*domain));
    }
    if (suffixes.empty()) co_return;
    cache::Cursor cursor;
    while (!cursor.over()) {
        // Others have their turn between two slices.
        co_await asio::post(parts_.executor, asio::use_awaitable);
        for (const cache::Table::Seen& seen : parts_.table.slice(cursor)) about->add_below(suffixes, seen);
    }
}

asio::awaitable<Overrides::Result> Overrides::list(const Request&) {
    std::vector<Override> entries;
    if (const auto& set = parts_.book.current()) entries.assign(set->all().begin(), set->all().end());
    const auto judged = about(std::move(entries));
    co_await judge(judged);
    Json all = Json::array();
    for (std::size_t at = 0; at < judged->hidden.size(); ++at) {
        if (at % in_a_row == in_a_row - 1) {
            co_await asio::post(parts_.executor, asio::use_awaitable);
        }
        all.push_back(judged->hidden[at].json());
    }
    Reply reply;
    reply.body["overrides"] = std::move(all);
    co_return reply;
}

asio::awaitable<Overrides::Result> Overrides::add(const Request& request) {
    const std::string_view yes = request.parameter("yes");
    if (!yes.empty() && yes != "true" && yes != "false")
        co_return fail(400, "bad-request", "yes is true or false", "yes");
    const auto body = co_await read_all(*request.body);
    if (!body) co_return base::unexpected(body.error());
    const auto text = read_override(*body);
    if (!text) co_return base::unexpected(text.error());
    auto parsed = parse_override(*text, yes == "true", who(request), parts_.clock.now());
    if (!parsed) co_return base::unexpected(parsed.error());
    std::vector<Override> entries;
    entries.push_back(std::move(*parsed));
    const auto judged = about(std::move(entries));
    const Override& entry = judged->entries.front();
    if (entry.action == decision::Action::dane_only && !judged->options.tuning.dane.active)
        co_return fail(400, "bad-request",
                       "DANE is not used here (" + judged->options.dane_status + "), so dane-only is refused",
                       "action");
    co_await judge(judged);
    const Hidden& hidden = judged->hidden.front();
    if (hidden.weakened() > 0 && !entry.weakens)
        co_return fail(409, "needs-yes",
                       hidden.loss() + ". With this override (" + std::string{to_string(entry.action)} +
                           ") mail loses that protection; yes=true adds it all the same");
    std::function<void(state::Keeper::Done)> start = [this, &entry, &hidden](state::Keeper::Done done) {
        parts_.book.add(entry, std::string{hidden.hides()}, std::move(done));
    };
    auto call = called_back<base::Expected<void, std::string>>(std::move(start));
    const auto written = co_await std::move(call);
    if (!written) co_return fail(503, "unavailable", written.error());
    co_await in_use();
    Reply reply;
    reply.body = hidden.json();
    co_return reply;
}

asio::awaitable<Overrides::Result> Overrides::remove(const Request& request) {
    const std::string asked{request.parameter("domain")};
    const std::string scope = usual_scope(asked);
    if (scope.empty())
        co_return fail(400, "bad-request", "\"" + base::printable(asked, 80) + "\" is no domain name",
                       "domain");
    std::vector<Override> entries;
    if (const Override* const found = parts_.book.find(scope)) entries.push_back(*found);
    if (entries.empty()) {
        const auto set = parts_.book.current();
        if (set)
            for (const Override& one : set->all())
                if (one.domain == scope)
                    co_return fail(404, "unknown-domain",
                                   "the override for " + scope +
                                       " stands in the configuration: remove it there, and reload");
        co_return fail(404, "unknown-domain", "there is no override for " + scope);
    }
    const auto judged = about(std::move(entries));
    co_await judge(judged);
    std::function<void(state::Keeper::Done)> start = [this, &scope,
                                                      by = who(request)](state::Keeper::Done done) {
        parts_.book.remove(scope, by, std::move(done));
    };
    auto call = called_back<base::Expected<void, std::string>>(std::move(start));
    const auto written = co_await std::move(call);
    if (!written) co_return fail(503, "unavailable", written.error());
    co_await in_use();
    Reply reply;
    reply.body = judged->hidden.front().json();
    reply.body["applies"] = false;
    co_return reply;
}

asio::awaitable<Overrides::Result> Overrides::observed(const Request&) {
    using Answered = base::Expected<state::Summary, std::string>;
    std::function<void(std::function<void(Answered)>)> start = [this](std::function<void(Answered)> done) {
        parts_.keeper.observed(std::move(done));
    };
    auto call = called_back<Answered>(std::move(start));
    const Answered summary = co_await std::move(call);
    if (!summary) co_return fail(503, "unavailable", summary.error());
    Reply reply;
    reply.body = to_json(*summary);
    co_return reply;
}

std::vector<Json> Overrides::exported() const {
    std::vector<Json> all;
    const base::Instant now = parts_.clock.now();
    const auto set = parts_.book.current();
    if (set)
        for (const Override& one : set->all())
            if (!one.configured && (!one.until || *one.until > now)) all.push_back(to_json(one));
    return all;
}

void Overrides::take(const Json& one, const Request& request,
                     std::function<void(base::Expected<bool, std::string>)> done) {
    const base::Instant now = parts_.clock.now();
    auto entry = parse_listed(one, who(request) + ", imported", now);
    if (!entry) return done(base::unexpected(std::move(entry.error())));
    if (entry->until && *entry->until <= now) return done(false);
    const Override* const known = parts_.book.find(entry->domain);
    if (known != nullptr && known->added_at >= entry->added_at) return done(false);
    ++taking_;
    auto written = [this, done = std::move(done)](const base::Expected<void, std::string>& result) {
        if (--taking_ == 0) parts_.book.use_added();
        done(result ? base::Expected<bool, std::string>{true} : base::unexpected(result.error()));
    };
    parts_.book.add(std::move(*entry), "", std::move(written), state::Book::Use::later);
}

Json to_json(const state::Summary& summary) {
    Json json;
    if (summary.since) json["since"] = base::utc(*summary.since);
    std::uint64_t domains = 0, lookups = 0;
    Json would = Json::object();
    for (const auto& [word, sum] : summary.would) {
        domains += sum.domains;
        lookups += sum.lookups;
        would[word] = {{"domains", sum.domains}, {"lookups", sum.lookups}};
    }
    json["domains"] = domains;
    json["lookups"] = lookups;
    json["would"] = std::move(would);
    json["top"] = Json::array();
    for (const state::Observed& one : summary.top)
        json["top"].push_back({{"domain", one.domain},
                               {"would", one.would},
                               {"lookups", one.lookups},
                               {"first", base::utc(one.first)},
                               {"last", base::utc(one.last)}});
    json["forgotten"] = summary.forgotten;
    return json;
}

} // namespace admin
