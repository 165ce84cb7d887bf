// lookup/handler.hpp - the port to the part that answers requests.
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
    /// Called at most once per request, when there is no answer at once. The returned function gets the
    /// reply's payload later, on the calling thread. It may outlive the client. An empty payload closes the
    /// connection.
    [[nodiscard]] virtual std::function<void(std::string)> later() = 0;
};

/// The result of Handler::answer().
enum class Reply {
    answered,  ///< the reply's payload has been appended
    violation, ///< the same; the request was malformed, and the connection ends after the reply
    later,     ///< the reply will go to the function from the client's later()
};

/// Answers socketmap requests, on the session's front thread.
class Handler {
public:
    virtual ~Handler() = default;
    /// Appends the reply's payload to `reply` if memory has the answer. Otherwise leaves `reply` as it is and
    /// calls the function from `client` exactly once, within the query deadline. Never waits. `request` is one
    /// payload ("NAME SP KEY"), read at `came`.
    [[nodiscard]] virtual Reply answer(std::string_view request, base::Steady came, std::string& reply,
                                       Client& client) = 0;
};

} // namespace lookup
