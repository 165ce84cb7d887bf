#include "admin/listing.hpp"

#include "admin/evidence.hpp"
#include "admin/json.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace admin {

namespace asio = boost::asio;
using base::Instant;
using base::seconds;
using Seen = cache::Table::Seen;

namespace {

Error bad(std::string_view field, std::string words) {
    return {400, "bad-request", std::move(words), std::string{field}};
}

/// "3600", or what parse_until() takes.
base::Expected<Instant, std::string> time_ahead(std::string_view text, Instant now) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return now + seconds{number};
    return decision::parse_until(text, now);
}

/// "7d": so long ago; or a time. A bare date begins at midnight.
base::Expected<Instant, std::string> time_ago(std::string_view text, Instant now) {
    auto until = time_ahead(text, now);
    if (!until) return until;
    const bool is_date = text.find('-') != std::string_view::npos;
    if (!is_date) return now - (*until - now);
    const bool bare = text.find(':') == std::string_view::npos;
    return bare ? *until - std::chrono::days{1} : *until;
}

base::Expected<bool, Error> flag(const Request& request, std::string_view name) {
    const std::string_view text = request.parameter(name);
    if (text.empty() || text == "false") return false;
    if (text == "true") return true;
    return base::unexpected(bad(name, std::string{name} + " is true or false"));
}

struct Key {
    std::uint32_t value = 0; ///< less comes first; without meaning in the order by domain
    cache::Place place;
};
static_assert(sizeof(Key) == 12);

std::uint32_t packed(Instant at) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(at.time_since_epoch().count(), 0,
                                                               std::numeric_limits<std::uint32_t>::max()));
}

std::uint32_t value_of(const cache::Entry& entry, Sort sort, Instant now) {
    switch (sort) {
    case Sort::expires: return packed(cache::expires_at(entry, now)); // the soonest first
    case Sort::asked: return ~packed(entry.last_asked);               // the latest first
    case Sort::failures: return ~entry.gets.failures;                 // the most first
    case Sort::none:
    case Sort::domain: break;
    }
    return 0;
}

/// The keys of one slice, in order.
using Run = std::vector<Key>;

Run run_of(std::vector<Seen>&& slice, const Wanted& wanted, Instant now) {
    std::erase_if(slice, [&](const Seen& seen) { return !fits(wanted.filter, seen.entry, now); });
    if (wanted.sort == Sort::domain) std::ranges::sort(slice, {}, &Seen::domain);
    Run run;
    run.reserve(slice.size());
    for (const Seen& seen : slice) run.push_back({value_of(seen.entry, wanted.sort, now), seen.place});
    std::ranges::stable_sort(run, {}, &Key::value);
    return run;
}

/// One list's part of the octets that all have together.
class Share {
public:
    Share(std::size_t& in_use, std::size_t max) : in_use_(in_use), max_(max) {}
    ~Share() { in_use_ -= taken_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// False: there are not so many left.
    [[nodiscard]] bool take(std::size_t octets) noexcept {
        if (octets > max_ - in_use_) return false;
        in_use_ += octets;
        taken_ += octets;
        return true;
    }

private:
    std::size_t& in_use_;
    std::size_t max_, taken_ = 0;
};

/// Policies one after the other, in some order.
class Source {
public:
    virtual ~Source() = default;
    /// The next ones; perhaps none although it is not over.
    [[nodiscard]] virtual std::vector<Seen> next() = 0;
    [[nodiscard]] virtual bool over() const = 0;
};

class InTableOrder final : public Source {
public:
    explicit InTableOrder(const cache::Table& table) : table_(table) {}
    std::vector<Seen> next() override { return table_.slice(cursor_); }
    [[nodiscard]] bool over() const override { return cursor_.over(); }

private:
    const cache::Table& table_;
    cache::Cursor cursor_;
};

/// Merges the runs. Of each it holds the first policy that is left, for the order by domain.
class Merged final : public Source {
    struct Head {
        Run run;
        std::size_t at = 0;
        std::string name; ///< of the policy at `at`; only in the order by domain
    };

    [[nodiscard]] auto later() const {
        return [by_domain = by_domain_](const Head& a, const Head& b) {
            return by_domain ? a.name > b.name : a.run[a.at].value > b.run[b.at].value;
        };
    }

public:
    static constexpr std::size_t at_once = 200;

    Merged(const cache::Table& table, std::vector<Run> runs, bool by_domain, std::unique_ptr<Share> share)
        : table_(table), by_domain_(by_domain), share_(std::move(share)) {
        heads_.reserve(runs.size());
        for (Run& run : runs) heads_.push_back({std::move(run), 0, {}});
        std::erase_if(heads_, [this](Head& head) { return !find(head); });
        std::ranges::make_heap(heads_, later());
    }

    std::vector<Seen> next() override {
        std::vector<Seen> some;
        while (!heads_.empty() && some.size() < at_once) {
            std::ranges::pop_heap(heads_, later());
            Head& head = heads_.back();
            if (auto seen = table_.at(head.run[head.at].place)) some.push_back(*std::move(seen));
            ++head.at;
            if (find(head))
                std::ranges::push_heap(heads_, later());
            else
                heads_.pop_back();
        }
        return some;
    }
    [[nodiscard]] bool over() const override { return heads_.empty(); }

private:
    /// Goes to the first policy of the run that is still there; false: none is.
    [[nodiscard]] bool find(Head& head) const {
        if (!by_domain_) return head.at < head.run.size();
        for (; head.at < head.run.size(); ++head.at)
            if (const auto seen = table_.at(head.run[head.at].place)) {
                head.name = seen->domain.name();
                return true;
            }
        return false;
    }

    const cache::Table& table_;
    bool by_domain_;
    std::unique_ptr<Share> share_; ///< of the octets that the runs have
    std::vector<Head> heads_;      ///< a heap
};

class Lines final : public Stream {
public:
    Lines(const Listing::Parts& parts, std::unique_ptr<Source> source, Filter filter)
        : parts_(parts), source_(std::move(source)), filter_(filter) {}

    asio::awaitable<std::optional<std::string>> next() override {
        std::string piece;
        for (;;) {
            co_await asio::post(parts_.executor, asio::use_awaitable);
            take(piece);
            if (piece.size() >= Listing::max_piece || (over() && !piece.empty())) co_return piece;
            if (over()) co_return std::nullopt;
        }
    }

private:
    [[nodiscard]] bool over() const { return at_ == slice_.size() && source_->over(); }

    void take(std::string& piece) {
        if (at_ == slice_.size()) {
            slice_ = source_->next();
            at_ = 0;
        }
        const lookup::ServiceOptions options = parts_.options();
        const Instant now = parts_.clock.now();
        for (; at_ < slice_.size() && piece.size() < Listing::max_piece; ++at_) {
            const Seen& seen = slice_[at_];
            if (fits(filter_, seen.entry, now)) piece += line(summary(seen.domain, seen.entry, options, now));
        }
    }

    const Listing::Parts& parts_;
    std::unique_ptr<Source> source_;
    Filter filter_;
    std::vector<Seen> slice_;
    std::size_t at_ = 0; ///< the first of the slice that is not looked at yet
};

} // namespace

base::Expected<Wanted, Error> wanted(const Request& request, Instant now) {
    Wanted out;
    if (const std::string_view mode = request.parameter("mode"); !mode.empty()) {
        for (const sts::Mode one : {sts::Mode::enforce, sts::Mode::testing, sts::Mode::none})
            if (mode == sts::to_string(one)) out.filter.mode = one;
        if (!out.filter.mode) return base::unexpected(bad("mode", "mode is enforce, testing or none"));
    }
    const auto failing = flag(request, "failing"), dane = flag(request, "dane");
    if (!failing) return base::unexpected(failing.error());
    if (!dane) return base::unexpected(dane.error());
    out.filter.failing = *failing;
    out.filter.dane = *dane;
    if (const std::string_view text = request.parameter("expiring"); !text.empty()) {
        const auto until = time_ahead(text, now);
        if (!until) return base::unexpected(bad("expiring", until.error()));
        out.filter.expires_before = *until;
    }
    if (const std::string_view text = request.parameter("asked_since"); !text.empty()) {
        const auto since = time_ago(text, now);
        if (!since) return base::unexpected(bad("asked_since", since.error()));
        out.filter.asked_since = *since;
    }
    constexpr std::pair<std::string_view, Sort> sorts[] = {{"", Sort::none},
                                                           {"domain", Sort::domain},
                                                           {"expires", Sort::expires},
                                                           {"asked", Sort::asked},
                                                           {"failures", Sort::failures}};
    const auto* const sort =
        std::ranges::find(sorts, request.parameter("sort"), &std::pair<std::string_view, Sort>::first);
    if (sort == std::end(sorts))
        return base::unexpected(bad("sort", "sort is domain, expires, asked or failures"));
    out.sort = sort->second;
    return out;
}

bool fits(const Filter& filter, const cache::Entry& entry, Instant now) {
    return (!filter.mode || entry.policy->policy.mode == *filter.mode) &&
           (!filter.failing || entry.gets.failures > 0) &&
           (!filter.expires_before || cache::expires_at(entry, now) < *filter.expires_before) &&
           (!filter.dane || entry.dane.advice == dane::Advice::dane_only) &&
           (!filter.asked_since || entry.last_asked >= *filter.asked_since);
}

asio::awaitable<base::Expected<Reply, Error>> Listing::list(const Request& request) {
    const Instant now = parts_.clock.now();
    const auto what = wanted(request, now);
    if (!what) co_return base::unexpected(what.error());
    Reply reply;
    if (what->sort == Sort::none) {
        reply.lines =
            std::make_unique<Lines>(parts_, std::make_unique<InTableOrder>(parts_.table), what->filter);
        co_return reply;
    }
    std::vector<Run> runs;
    auto share = std::make_unique<Share>(octets_in_use_, max_octets_);
    for (cache::Cursor cursor; !cursor.over();) {
        co_await asio::post(parts_.executor, asio::use_awaitable);
        Run run = run_of(parts_.table.slice(cursor), *what, now);
        if (run.empty()) continue;
        if (!share->take(sizeof(Run) + run.size() * sizeof(Key)))
            co_return base::unexpected(
                Error{503, "unavailable",
                      "too many domains to sort at once: ask without an order, for fewer, or later", "sort"});
        runs.push_back(std::move(run));
    }
    auto merged =
        std::make_unique<Merged>(parts_.table, std::move(runs), what->sort == Sort::domain, std::move(share));
    reply.lines = std::make_unique<Lines>(parts_, std::move(merged), what->filter);
    co_return reply;
}

} // namespace admin
