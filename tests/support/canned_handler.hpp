// tests/support/canned_handler.hpp - a Handler without a lookup behind it: answers at once, or when the test
// says so.
#pragma once

#include "lookup/handler.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// "MAP KEY" is answered with `replies[KEY]`, else "OK KEY". A key that begins with "later" waits for
/// release(). A payload without a space is answered with PERM.
class CannedHandler final : public lookup::Handler {
public:
    std::map<std::string, std::string, std::less<>> replies;
    std::vector<std::string> asked; ///< every payload, in order

    lookup::Reply answer(std::string_view request, base::Steady, std::string& reply,
                         lookup::Client& client) override {
        asked.emplace_back(request);
        if (spin.count() > 0)
            for (const auto end = std::chrono::steady_clock::now() + spin;
                 std::chrono::steady_clock::now() < end;) {
            }
        const std::size_t space = request.find(' ');
        const std::string_view key = request.substr(space == std::string_view::npos ? 0 : space + 1);
        if (space == std::string_view::npos) {
            reply.append("PERM request without a space");
            return lookup::Reply::violation;
        }
        if (key == no_memory_for) throw std::bad_alloc{};
        if (key.starts_with("later")) {
            waiting.emplace_back(std::string{request}, client.later());
            if (at_once) release();
            return lookup::Reply::later;
        }
        if (auto found = replies.find(key); found != replies.end())
            reply.append(found->second);
        else
            reply.append("OK ").append(key);
        return lookup::Reply::answered;
    }

    /// Answers the oldest waiting request with "OK KEY", or with `payload`.
    void release(std::optional<std::string> payload = std::nullopt) {
        auto [request, reply] = std::move(waiting.front());
        waiting.erase(waiting.begin());
        reply(payload ? std::move(*payload) : "OK " + request.substr(request.find(' ') + 1));
    }

    std::vector<std::pair<std::string, std::function<void(std::string)>>> waiting;
    std::optional<std::string> no_memory_for; ///< a key that ends in std::bad_alloc
    std::chrono::microseconds spin{0};        ///< that answer() takes
    bool at_once = false;                     ///< a late answer comes before answer() returns
};

} // namespace test
