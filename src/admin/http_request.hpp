// admin/http_request.hpp - requests of HTTP/1.1 as octets in, heads and pieces of bodies out (RFC 9112). Does no
// I/O.
//
// Keeps at most max_input octets, besides those of the head and the piece at hand. After an error the
// connection has to be closed: where the next request begins is not known.
#pragma once

#include "admin/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

struct Head {
    std::string method;
    std::string target;
    std::size_t hosts = 0; ///< how many fields Host there are
    std::string host{};    ///< the first one's value
    bool close = false;                    ///< the client wants no further reply
    bool expects_continue = false;         ///< it waits for 100 before it sends the body
    bool has_body = false;                 ///< a length, not 0, or chunks
    std::optional<std::uint64_t> length{}; ///< of the body, when the head says it
};

class RequestReader {
public:
    RequestReader();
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    /// How many octets feed() takes now.
    [[nodiscard]] std::size_t room() const noexcept;
    /// At most room() octets.
    void feed(std::string_view octets);
    /// Has something of the current request come?
    [[nodiscard]] bool begun() const noexcept;

    /// The head of the current request, once it is complete; nothing: feed more. Only until it has been given.
    [[nodiscard]] base::Expected<std::optional<Head>, Error> head();
    /// After the head: what has come of the body. "" and not complete(): feed more.
    [[nodiscard]] base::Expected<std::string, Error> body();
    /// The request has come in whole.
    [[nodiscard]] bool complete() const;
    /// Goes on to the next request. Only when complete().
    void next();

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
    std::string input_;
    bool begun_ = false;
    std::size_t head_ = 0; ///< octets of it that were read
};

} // namespace admin
