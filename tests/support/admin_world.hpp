// tests/support/admin_world.hpp - the administration's handlers over a LearnerWorld, asked without a server.
#pragma once

#include "admin/domains.hpp"
#include "admin/fleet.hpp"
#include "admin/listing.hpp"
#include "admin/tail.hpp"
#include "admin/transfer.hpp"
#include "lookup/load.hpp"
#include "support/learner_world.hpp"

#include <boost/asio/co_spawn.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// A request's body, in the pieces that the test gives.
class PiecesBody final : public admin::Body {
public:
    explicit PiecesBody(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
    boost::asio::awaitable<base::Expected<std::optional<std::string>, admin::Error>> next() override {
        using Next = base::Expected<std::optional<std::string>, admin::Error>;
        if (pieces_.empty()) {
            if (breaks) co_return Next(base::unexpected(admin::Error{408, "timeout", "too slow"}));
            co_return Next(std::optional<std::string>{});
        }
        std::string piece = std::move(pieces_.front());
        pieces_.pop_front();
        co_return Next(std::optional<std::string>(std::move(piece)));
    }
    bool breaks = false; ///< at the end

private:
    std::deque<std::string> pieces_;
};

/// An answer under way.
template <class T>
class Pending {
public:
    Pending(boost::asio::io_context& io, boost::asio::awaitable<T> work)
        : got_(std::make_shared<std::optional<T>>()) {
        boost::asio::co_spawn(io, std::move(work), [got = got_](std::exception_ptr thrown, T value) {
            if (thrown) std::rethrow_exception(thrown);
            got->emplace(std::move(value));
        });
    }
    [[nodiscard]] bool over() const { return got_->has_value(); }
    [[nodiscard]] T& operator*() const { return **got_; }
    [[nodiscard]] T* operator->() const { return &**got_; }

private:
    std::shared_ptr<std::optional<T>> got_;
};

using Answered = base::Expected<admin::Reply, admin::Error>;

class AdminWorld : public LearnerWorld {
public:
    AdminWorld() : LearnerWorld(Events::recorded) {
        options.tuning.dane.active = options.tuning.dane.remembered = false;
    }

    [[nodiscard]] static admin::Request request(std::map<std::string, std::string, std::less<>> parameters) {
        admin::Request made;
        made.parameters = std::move(parameters);
        made.peer = {4711, 1};
        made.by = "alice";
        return made;
    }
    Pending<Answered> begin(boost::asio::awaitable<Answered> work) {
        Pending<Answered> pending{io, std::move(work)};
        run();
        return pending;
    }
    /// Its answer; time passes as it needs.
    Answered answer(boost::asio::awaitable<Answered> work) {
        const Pending<Answered> pending = begin(std::move(work));
        for (int i = 0; i < 100 && !pending.over() && time.next_call(); ++i) {
            time.make_next_call();
            run();
        }
        if (!pending.over()) return base::unexpected(admin::Error{599, "never", "no answer"});
        return std::move(*pending);
    }
    /// The stream's lines; `longest` gets the octets of its longest piece.
    std::vector<admin::Json> lines(admin::Stream& stream, std::size_t* longest = nullptr) {
        std::vector<admin::Json> all;
        for (;;) {
            const Pending<std::optional<std::string>> piece{io, stream.next()};
            run();
            if (!piece.over() || !*piece) return all;
            if (longest != nullptr) *longest = std::max(*longest, (*piece)->size());
            std::istringstream in{**piece};
            for (std::string one; std::getline(in, one);) all.push_back(admin::Json::parse(one));
        }
    }
    /// Puts a policy, fetched and asked for `ago`.
    void know(const std::string& name, base::seconds ago = {}, std::string_view mode = "enforce",
              base::seconds max_age = base::seconds{86400}) {
        cache::Entry entry;
        entry.policy = table.intern(policy_text(mode, {"mx." + name}, max_age.count())).value();
        entry.txt_id = "1";
        entry.fetched_at = entry.last_asked = entry.gets.last = time.now() - ago;
        const base::Domain known = *base::Domain::parse(name);
        store.save(lookup::row(known, entry), nullptr);
        (void)table.put(known, std::move(entry), time.now());
    }
    std::optional<cache::Entry> entry(const std::string& name) const {
        const cache::Knowledge known = table.find(*base::Domain::parse(name));
        const auto* found = std::get_if<cache::Entry>(&known);
        return found != nullptr ? std::optional{*found} : std::nullopt;
    }

    lookup::ServiceOptions options;
    std::vector<std::string> replanned, forgotten;
    std::optional<base::Instant> protected_since; ///< of every domain
    /// The handlers over another fleet, which outlives them.
    [[nodiscard]] admin::Domains domains_with(const admin::Fleet& with) {
        return admin::Domains{
            {.executor = io.get_executor(),
             .table = table,
             .store = store,
             .learner = learner,
             .fleet = with,
             .history = history,
             .sink = recorder,
             .clock = time,
             .version = "1.2.3",
             .options = [this] { return options; },
             .protected_since =
                 [this](const std::string&, const std::function<void(std::optional<base::Instant>)>& tell) {
                     tell(protected_since);
                 },
             .forgotten = [this](const base::Domain& one) { forgotten.push_back(one.name()); },
             .replan = [this](const base::Domain& one) { replanned.push_back(one.name()); }}};
    }
    admin::Fleet no_fleet{{.executor = io.get_executor(), .timers = time, .clock = time, .version = "1.2.3"}};
    admin::Domains domains = domains_with(no_fleet);
    admin::Listing listing{{io.get_executor(), table, time, [this] { return options; }}};
};

} // namespace test
