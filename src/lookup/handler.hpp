// lookup/handler.hpp - the port to whoever answers requests.
#pragma once

#include "base/clock.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace lookup {

/// Whoever waits for an answer.
class Client {
public:
    virtual ~Client() = default;
    /// Called when there is no answer at once, at most once a request: the result takes the reply's payload,
    /// on the calling thread. It may outlive the client. An empty payload closes the connection.
    [[nodiscard]] virtual std::function<void(std::string)> later() = 0;
};

/// What Handler::answer() has done.
enum class Reply {
    answered,  ///< the reply's payload is there
    violation, ///< so is the payload, and the request was none: the connection ends with it
    later,     ///< nothing is there; the client's later() is called in time
};

/// Answers socketmap requests, on the session's front thread.
class Handler {
public:
    virtual ~Handler() = default;
    /// Appends the reply's payload to `reply` when memory knows it. Else it is as it was, and what `client`
    /// gave out is called exactly once, within the query deadline. Never waits. `request` is one payload
    /// ("NAME SP KEY"), noticed at `came`.
    [[nodiscard]] virtual Reply answer(std::string_view request, base::Steady came, std::string& reply,
                                       Client& client) = 0;
};

} // namespace lookup
