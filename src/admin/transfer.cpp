#include "admin/transfer.hpp"

#include "admin/json.hpp"
#include "base/event.hpp"
#include "base/text.hpp"
#include "base/utc.hpp"
#include "lookup/load.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace admin {

namespace asio = boost::asio;
using base::Instant;

namespace {

constexpr std::size_t max_piece = 64UL * 1024;

class Export final : public Stream {
public:
    explicit Export(const Transfer::Parts& parts) : parts_(parts) {
        if (parts.overrides) overrides_ = parts.overrides();
    }

    asio::awaitable<std::optional<std::string>> next() override {
        std::string piece;
        while (!over_ && piece.size() < max_piece) {
            co_await asio::post(parts_.executor, asio::use_awaitable);
            take(piece);
        }
        if (piece.empty()) co_return std::nullopt;
        co_return piece;
    }

private:
    void take(std::string& piece) {
        if (at_ == slice_.size() && !cursor_.over()) {
            slice_ = parts_.table.slice(cursor_);
            at_ = 0;
        }
        const Instant now = parts_.clock.now();
        for (; at_ < slice_.size() && piece.size() < max_piece; ++at_) {
            const cache::Entry& entry = slice_[at_].entry;
            if (cache::expired(entry, now)) continue;
            ++policies_;
            Json json{{"kind", "policy"},
                      {"domain", slice_[at_].domain.name()},
                      {"text", entry.policy->text},
                      {"id", entry.txt_id},
                      {"fetched_at", base::utc(entry.fetched_at)}};
            put_time(json, "last_asked", entry.last_asked);
            piece += line(json);
        }
        if (at_ < slice_.size() || !cursor_.over()) return;
        for (; override_ < overrides_.size() && piece.size() < max_piece; ++override_) {
            Json json{{"kind", "override"}};
            json.update(overrides_[override_]);
            piece += line(json);
        }
        if (override_ < overrides_.size() || piece.size() >= max_piece) return;
        piece += line(Json{{"kind", "end"}, {"policies", policies_}, {"overrides", overrides_.size()}});
        over_ = true;
    }

    const Transfer::Parts& parts_;
    cache::Cursor cursor_;
    std::vector<cache::Table::Seen> slice_;
    std::size_t at_ = 0, policies_ = 0, override_ = 0;
    std::vector<Json> overrides_;
    bool over_ = false;
};

} // namespace

Reply Transfer::export_policies() const {
    Reply reply;
    reply.lines = std::make_unique<Export>(parts_);
    return reply;
}

/// One import: judges lines, and puts those that are good.
class Transfer::Import {
public:
    Import(const Parts& parts, const Request& request)
        : parts_(parts), request_(request), with_overrides_(request.parameter("overrides") == "true") {}
    /// The client is gone while its last slice is written: what is on the disk is in memory, too.
    ~Import() {
        try {
            show_all();
        } catch (const std::bad_alloc&) {
            return; // the rest is loaded at the next start
        }
    }
    Import(const Import&) = delete;
    Import& operator=(const Import&) = delete;

    void take(std::string_view text) {
        ++number_;
        if (text.empty()) return invalid("empty, or longer than 128 KiB");
        auto one = read_line(text);
        if (!one) return invalid(std::move(one.error()));
        if (complete_) return invalid("behind the end");
        if (auto* policy = std::get_if<PolicyLine>(&*one))
            take(std::move(*policy));
        else if (auto* other = std::get_if<OverrideLine>(&*one))
            take_override(std::move(other->json));
        else
            complete_ = true;
    }

    [[nodiscard]] bool is_full() const {
        return waiting_.size() + overrides_.size() >= at_once || octets_ >= max_octets_at_once;
    }

    /// Puts what has been taken: first on the disk, then into memory.
    asio::awaitable<void> put() {
        co_await put_policies();
        co_await put_overrides();
    }

    [[nodiscard]] Json report() const {
        Json json{{"taken", taken_}, {"older", older_}, {"expired", expired_}, {"future", future_}};
        json["invalid"] = problems_;
        json["invalid_count"] = invalid_;
        json["overrides_taken"] = overrides_taken_;
        json["overrides_left"] = overrides_left_;
        json["complete"] = complete_;
        if (not_stored_ > 0) json["not_stored"] = not_stored_;
        return json;
    }
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
    [[nodiscard]] std::size_t refused() const noexcept { return older_ + expired_ + future_ + invalid_; }

private:
    /// Longer than a commit takes that is not stuck.
    static constexpr base::milliseconds patience{10'000};

    struct Taken {
        base::Domain domain;
        cache::Entry entry;
    };
    struct TakenOverride {
        std::size_t line;
        Json json;
    };

    asio::awaitable<void> put_policies() {
        writing_ = std::exchange(waiting_, {});
        octets_ = 0;
        if (writing_.empty()) co_return;
        struct Commits {
            explicit Commits(const asio::any_io_executor& executor) : changed(executor) {}
            base::Event changed;
            std::size_t left = 0, failed = 0;
            bool late = false;
        };
        const auto commits = std::make_shared<Commits>(parts_.executor);
        commits->left = writing_.size();
        const base::Timers::Id timer = parts_.timers.after(patience, [commits] {
            commits->late = true;
            commits->changed.notify();
        });
        const asio::any_io_executor executor = parts_.executor;
        for (const Taken& one : writing_)
            parts_.store.save(lookup::row(one.domain, one.entry), [commits, executor](bool durable) {
                asio::post(executor, [commits, durable] {
                    if (!durable) ++commits->failed;
                    if (--commits->left == 0) commits->changed.notify();
                });
            });
        while (commits->left > 0 && !commits->late) {
            co_await commits->changed.wait();
        }
        parts_.timers.cancel(timer);
        not_stored_ += commits->failed + commits->left;
        show_all();
        co_await asio::post(parts_.executor, asio::use_awaitable);
    }

    /// They go to state.db, which is not the policies' store; what it does not take is not in use.
    asio::awaitable<void> put_overrides() {
        const std::vector<TakenOverride> all = std::exchange(overrides_, {});
        if (all.empty()) co_return;
        struct Answers {
            explicit Answers(const asio::any_io_executor& executor) : over(executor) {}
            base::Event over;
            std::size_t left = 0;
            std::vector<std::pair<std::size_t, base::Expected<bool, std::string>>> of_lines;
        };
        const auto answers = std::make_shared<Answers>(parts_.executor);
        answers->left = all.size();
        for (const TakenOverride& one : all)
            parts_.take_override(one.json, request_,
                                 [answers, line = one.line](base::Expected<bool, std::string> taken) {
                                     answers->of_lines.emplace_back(line, std::move(taken));
                                     if (--answers->left == 0) answers->over.notify();
                                 });
        while (answers->left > 0) {
            co_await answers->over.wait();
        }
        std::ranges::sort(answers->of_lines, {}, [](const auto& one) { return one.first; });
        for (const auto& [line, taken] : answers->of_lines) {
            if (taken)
                ++(*taken ? overrides_taken_ : overrides_left_);
            else
                invalid(line, "the override: " + taken.error());
        }
    }

    void invalid(std::string words) { invalid(number_, std::move(words)); }
    void invalid(std::size_t line, std::string words) {
        ++invalid_;
        if (problems_.size() < max_problems)
            problems_.push_back(Json{{"line", line}, {"words", std::move(words)}});
    }

    void take(PolicyLine&& one) {
        const Instant now = parts_.clock.now();
        if (one.fetched_at > now + import_grace) {
            ++future_;
            return;
        }
        auto policy = parts_.table.intern(one.text);
        if (!policy) return invalid("the policy: " + std::string{base::to_string(policy.error().reason)});
        cache::Entry entry;
        entry.policy = *std::move(policy);
        entry.txt_id = std::move(one.id);
        entry.fetched_at = std::min(one.fetched_at, now);
        entry.gets.last = entry.fetched_at;
        entry.last_asked = std::min(one.last_asked, now);
        if (cache::expired(entry, now)) {
            ++expired_;
            return;
        }
        if (newer_is_known(one.domain, entry)) {
            ++older_;
            return;
        }
        octets_ += one.text.size() + sizeof(Taken);
        waiting_.push_back({std::move(one.domain), std::move(entry)});
    }

    /// A policy as new, or a fetch that has withdrawn it since.
    [[nodiscard]] bool newer_is_known(const base::Domain& domain, const cache::Entry& entry) const {
        const cache::Knowledge known = parts_.table.find(domain);
        if (const auto* in_table = std::get_if<cache::Entry>(&known))
            return in_table->fetched_at >= entry.fetched_at;
        const auto* absence = std::get_if<cache::Absence>(&known);
        return absence != nullptr && absence->gets.failures == 0 && absence->gets.last >= entry.fetched_at;
    }

    void show(Taken&& one) {
        if (newer_is_known(one.domain, one.entry)) { // fetched, or withdrawn, while the commit was awaited
            const cache::Knowledge known = parts_.table.find(one.domain);
            if (const auto* newer = std::get_if<cache::Entry>(&known))
                parts_.store.save(lookup::row(one.domain, *newer), nullptr);
            else
                parts_.store.forget(one.domain, one.entry.fetched_at);
            ++older_;
            return;
        }
        const cache::Knowledge before = parts_.table.find(one.domain);
        if (const auto* old = std::get_if<cache::Entry>(&before))
            one.entry.dane = old->dane; // of the MX hosts
        if (auto evicted = parts_.table.put(one.domain, std::move(one.entry), parts_.clock.now())) {
            parts_.sink.emit(
                events::PolicyEvicted{.domain = evicted->domain.name(), .newcomer = one.domain.name()});
            parts_.store.forget(evicted->domain, evicted->fetched_at);
        }
        ++taken_;
        if (parts_.replan) parts_.replan(one.domain);
    }

    void show_all() {
        while (!writing_.empty()) {
            Taken one = std::move(writing_.back());
            writing_.pop_back();
            show(std::move(one));
        }
    }

    void take_override(Json&& one) {
        if (with_overrides_ && parts_.take_override)
            overrides_.push_back({number_, std::move(one)});
        else
            ++overrides_left_;
    }

    const Parts& parts_;
    const Request& request_;
    bool with_overrides_, complete_ = false;
    std::size_t number_ = 0, taken_ = 0, older_ = 0, expired_ = 0, future_ = 0, invalid_ = 0, not_stored_ = 0;
    std::size_t overrides_taken_ = 0, overrides_left_ = 0;
    Json problems_ = Json::array();
    std::vector<Taken> waiting_, writing_; ///< to be written; being written
    std::vector<TakenOverride> overrides_; ///< to be written
    std::size_t octets_ = 0;
};

asio::awaitable<base::Expected<Reply, Error>> Transfer::import_policies(const Request& request) {
    Import import{parts_, request};
    LineCutter lines;
    std::optional<Error> broken;
    for (;;) {
        auto piece = co_await request.body->next();
        if (!piece) {
            broken = piece.error();
            break;
        }
        if (*piece)
            lines.feed(**piece);
        else
            lines.end();
        while (std::optional<std::string> text = lines.next()) {
            import.take(*text);
            if (import.is_full()) {
                co_await import.put();
            }
        }
        if (!*piece) break;
        co_await asio::post(parts_.executor, asio::use_awaitable);
    }
    co_await import.put(); // also what came before the body broke off
    if (import.taken() > 0)
        parts_.sink.emit(events::PoliciesImported{.policies = import.taken(),
                                                  .refused = import.refused(),
                                                  .uid = static_cast<std::int64_t>(request.peer.uid),
                                                  .by = request.by});
    if (broken) co_return base::unexpected(*std::move(broken));
    Reply reply;
    reply.body = import.report();
    co_return reply;
}

} // namespace admin
