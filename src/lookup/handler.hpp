// lookup/handler.hpp - the port to whoever answers requests.
#pragma once

#include "base/clock.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace lookup {

/// Answers socketmap requests. Both members are called on the session's front thread.
class Handler {
public:
    virtual ~Handler() = default;
    /// Appends the reply's payload to `reply` when memory knows it; else false, and `reply` is as it was.
    /// Never waits. `request` is one payload ("NAME SP KEY"), noticed at `came`.
    [[nodiscard]] virtual bool answer_now(std::string_view request, base::Steady came,
                                          std::string& reply) = 0;
    /// For a request that answer_now() could not answer: calls `reply` exactly once, later, on the calling
    /// thread, within the query deadline. An empty reply closes the connection.
    virtual void answer_later(std::string request, std::function<void(std::string)> reply) = 0;
};

} // namespace lookup
