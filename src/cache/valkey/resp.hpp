// cache/valkey/resp.hpp - octets to replies and commands to octets (RESP2), by hiredis, which does no I/O here. Pure.
//
// Whatever the engine sends, memory stays within the limits: an array is refused before its elements are allocated, and
// a reply that is too long ends the connection. hiredis 0.14 and 1.x.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/reply.hpp"
#include "cache/valkey/trouble.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace valkey {

using Arguments = std::vector<std::string>;

struct ReplyLimits {
    std::size_t octets =
        5 * 1024 * 1024;              ///< of one reply as sent: 64 values of 72 KiB, and what is around them
    std::size_t elements = 16 * 1024; ///< of all arrays of one reply
    int depth = 4;                    ///< arrays in arrays; hiredis has a limit of 7 besides
};

/// Octets of one command, as an argument or as sent.
inline constexpr std::size_t max_command = 1024 * 1024;
/// A command has at least one argument. The error is too_large, or refused for a command without any.
[[nodiscard]] base::Expected<std::string, Failure> format(std::span<const std::string> arguments);

class ReplyReader {
public:
    explicit ReplyReader(ReplyLimits limits = {});
    ~ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;

    /// Copies the octets. Call next() until it says `more` before the next feed().
    void feed(std::string_view octets);

    enum class State {
        more,  ///< no whole reply yet
        whole, ///< reply() has it
        bad,   ///< failure() says why; it stays bad
    };
    [[nodiscard]] State next();
    /// After `whole`, until the next call of next(). May be moved from.
    [[nodiscard]] Reply& reply() noexcept { return reply_; }
    /// After `bad`: protocol or too_large.
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

private:
    struct Builder; // makes our values while hiredis reads
    struct Free {
        void operator()(redisReader* reader) const noexcept;
    };
    [[nodiscard]] State fail(Trouble trouble, std::string words);

    ReplyLimits limits_;
    std::unique_ptr<Builder> builder_; // before the reader, which points to it
    std::unique_ptr<redisReader, Free> reader_;
    std::size_t octets_ = 0; // fed since the last whole reply ended
    Reply reply_;
    Failure failure_;
    bool bad_ = false;
};

} // namespace valkey
