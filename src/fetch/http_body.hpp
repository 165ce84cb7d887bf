// fetch/http_body.hpp - the body of an HTTP/1.x response: octets in, the decoded body out (RFC 9112 sections
// 6 and 7).
//
// Sans-I/O and linear: every octet is read once, and only the body is kept. Chunks are accepted in the forms
// that curl accepts: lines that end with LF alone, blanks, extensions and anything else after a chunk's size;
// see tests/unit/fetch_http_curl_test.cpp.
#pragma once

#include "fetch/fetcher.hpp"
#include "fetch/http_head.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fetch {

inline constexpr std::size_t max_body = 64 * 1024;   ///< decoded octets of the body (RFC 8461 section 3.3)
inline constexpr std::size_t max_trailer = max_head; ///< octets of a chunk's line, and of the whole trailer

class BodyReader {
public:
    /// How the body after `head` ends; http_malformed when the head says it in two ways or in an unknown way,
    /// http_too_large when it announces too much.
    [[nodiscard]] static base::Expected<BodyReader, Failure> of(const HttpHead& head);

    /// True when the body is complete; what follows it is ignored. After that, or an error (http_malformed,
    /// http_too_large), nothing more may be fed.
    [[nodiscard]] base::Expected<bool, Failure> feed(std::string_view octets);
    /// The connection ended before feed() said true; `clean` as in HttpReader::finish(). Nothing when the
    /// body is complete by that, else why not (http_truncated).
    [[nodiscard]] std::optional<Failure> finish(bool clean) const;
    [[nodiscard]] std::string take() noexcept { return std::move(body_); }

private:
    enum class State { until_end, sized, size, size_line, data, after_data, trailer, done };

    [[nodiscard]] base::Expected<void, Failure> take_data(std::string_view& octets);
    [[nodiscard]] base::Expected<void, Failure> take_size(char octet);
    [[nodiscard]] base::Expected<void, Failure> skip_line(std::string_view& octets);
    [[nodiscard]] base::Expected<void, Failure> take_trailer(char octet);
    void end_size_line();

    State state_ = State::until_end;
    std::string body_;
    std::size_t left_ = 0; // missing octets of the body (sized) or of the chunk (data)
    std::size_t digits_ = 0;
    std::size_t line_ = 0;                          // octets of a chunk's line or of the trailer
    std::string shown_;                             // the first octets of that line, for a detail
    bool colon_ = false, cr_ = false, any_ = false; // in this line of the trailer
};

} // namespace fetch
