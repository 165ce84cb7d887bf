// admin/exchange.hpp - a request to the administration's server and the reply to it, as its handlers see them:
// without HTTP.
//
// Threads: handlers, bodies and streams live on the back io_context.
#pragma once

#include "base/expected.hpp"

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace admin {

using Json = nlohmann::ordered_json;

/// Where a client came in.
enum class Entrance : std::uint8_t {
    control, ///< the control socket: the kernel says who is connected, and all routes are there
    web,     ///< the web listener: nobody knows who it is, and only routes marked for it are there
};
inline constexpr std::size_t entrances = 2;

/// Who is connected, as the kernel says (SO_PEERCRED). Nobody, when it came in by the web listener.
struct Peer {
    uid_t uid = static_cast<uid_t>(-1);
    pid_t pid = 0;
};

/// Why a request was refused, or failed.
struct Error {
    unsigned status = 400;                             ///< of HTTP
    std::string code;                                  ///< for programs: "bad-request", "no-such-domain", ...
    std::string words;                                 ///< for a person; printable
    std::string field{};                               ///< the parameter or member that is wrong; "" none
    std::optional<std::chrono::seconds> retry_after{}; ///< with status 429: when it may be asked again
};

/// The body of a request, in pieces, each at most 64 KiB, as they come.
class Body {
public:
    virtual ~Body() = default;
    /// The next piece; nullopt: the end. The error says that the body is too long, too slow, or broken off; the
    /// handler returns it as its own.
    [[nodiscard]] virtual boost::asio::awaitable<base::Expected<std::optional<std::string>, Error>>
    next() = 0;
};

struct Request {
    /// The parts of the path that the route names, and the query's parameters; decoded. Only those that the route
    /// knows.
    std::map<std::string, std::string, std::less<>> parameters;
    Peer peer;
    Entrance entrance = Entrance::control;
    std::string by;       ///< who says to be behind the peer (SUDO_USER); not verified; printable; "" nobody
    Body* body = nullptr; ///< never null for a handler

    [[nodiscard]] std::string_view parameter(std::string_view name) const {
        const auto found = parameters.find(name);
        return found == parameters.end() ? std::string_view{} : std::string_view{found->second};
    }
};

/// A long reply: JSON lines, made in slices.
class Stream {
public:
    virtual ~Stream() = default;
    /// Some whole lines, at most some 64 KiB; nullopt: the end. Not called again before the last slice is written;
    /// destroyed when the client is gone, also while it waits here.
    [[nodiscard]] virtual boost::asio::awaitable<std::optional<std::string>> next() = 0;
};

/// A reply that is no JSON.
struct Document {
    std::string media_type; ///< with its parameters: "text/html; charset=utf-8"
    std::string text;
};

struct Reply {
    unsigned status = 200;
    Json body = {};                          ///< an object; the server puts "schema": 1 in front
    std::optional<Document> document = {};   ///< instead of `body`
    std::unique_ptr<Stream> lines = nullptr; ///< instead of `body`
};

/// Throws only std::bad_alloc. The request outlives the call.
using Handler = std::function<boost::asio::awaitable<base::Expected<Reply, Error>>(const Request&)>;

inline constexpr int schema = 1; ///< of the JSON: within it members are added, never renamed or removed

} // namespace admin
