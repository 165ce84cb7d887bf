// lookup/service.hpp - answers socketmap requests: from memory at once, else through the learner.
//
// Threads: one Service a front thread, used on that thread only. It shares the memory table (safe from any
// thread) and posts to the back io_context, whose learner posts back. Nothing here waits.
#pragma once

#include "base/clock.hpp"
#include "base/inbox.hpp"
#include "cache/table.hpp"
#include "events/sink.hpp"
#include "lookup/counts.hpp"
#include "lookup/handler.hpp"
#include "lookup/learner.hpp"
#include "lookup/observed_sums.hpp"
#include "lookup/options.hpp"
#include "lookup/recent_answers.hpp"
#include "postfix/request.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lookup {

class Service final : public Handler {
public:
    struct Parts {
        base::Inbox& front;
        boost::asio::any_io_executor back;
        Learner& learner; ///< touched only on `back`
        cache::Table& table;
        base::Clock& clock;
        base::Timers& timers; ///< of the front thread
        events::Sink& sink;
    };

    Service(const Parts& parts, ServiceOptions options);
    ~Service() override;

    [[nodiscard]] Reply answer(std::string_view request, base::Steady came, std::string& reply,
                               Client& client) override;

    void configure(const ServiceOptions& options);

    /// What was only observed since the last call.
    [[nodiscard]] ObservedSums::Taken take_observed() { return observed_.take(); }

    /// Answers that needed no search since the last call took so long: the thread's turn, measured once.
    void turn_ended(std::chrono::nanoseconds took) noexcept;
    [[nodiscard]] const AnswerCounts& counts() const noexcept { return counts_; } ///< any thread

    [[nodiscard]] std::size_t checking() const noexcept { return checking_.size(); } ///< background checks

private:
    class Check;
    struct Pending;

    [[nodiscard]] Reply answer_anew(const RecentAnswers::Key& key, base::Instant now, base::Steady came,
                                    std::string& reply, Client& client);
    void answered(Source source, decision::Kind kind) noexcept;
    [[nodiscard]] std::string status(std::string_view key) const;
    [[nodiscard]] const postfix::Services& services() const noexcept;
    struct Question; ///< a parsed request
    [[nodiscard]] bool answer_from_memory(const Question& question, const RecentAnswers::Key& key,
                                          base::Instant now, base::Steady came, std::string& reply);
    void look_up(Question&& question, std::function<void(std::string)> reply);
    void note_unknown_service(std::string_view key);
    void say(const events::Lookup& line, base::Steady came) const;
    void note(const Effect& effect, std::string_view domain, decision::Kind answer, base::Instant now);
    void say_again(const MemoryAnswer& known, std::string_view request, base::Steady came) const;
    void emit(events::Event& event, base::Steady came) const;
    void check_in_background(const postfix::NextHop& hop);
    [[nodiscard]] Outcome known_at_deadline(const postfix::NextHop& hop) const;
    void count_late(decision::Kind kind, base::Reason reason, base::Steady begun) noexcept;
    void forget_pending(std::uint64_t ticket) noexcept;
    void finish(std::uint64_t ticket, const Outcome& outcome);

    Parts parts_;
    ServiceOptions options_;
    RecentAnswers recent_;
    AnswerCounts counts_;
    std::array<std::uint32_t, sources> in_turn_{}; ///< answers without a search whose time is not noted yet
    ObservedSums observed_;
    /// Background checks posted and not yet done, or (true) done; at most Learner::max_flights.
    std::map<postfix::NextHop, std::shared_ptr<std::atomic<bool>>> checking_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Pending>> pending_;
    std::uint64_t next_ticket_ = 1;
    std::shared_ptr<Service*> self_; ///< for posted work: null once the Service is gone
};

} // namespace lookup
