// fetch/http_head.hpp - the head of an HTTP/1.x response: octets in, the status and the fields that matter
// out (RFC 9112 sections 2 to 5).
//
// Sans-I/O and linear: every octet is read once, and the outcome does not depend on how they were cut (except
// for how much of a wrong first line a detail quotes). Lenient in form where nothing can be misunderstood,
// like web clients: lines may end with LF alone (section 2.2), a long field may be folded (5.2), a blank may
// be before a colon (5.1). Strict where two readers could differ about the fields that frame or describe the
// body.
#pragma once

#include "fetch/fetcher.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fetch {

inline constexpr std::size_t max_head = 64 * 1024; ///< one head's octets: start line, fields, empty line

/// Octets of a peer's text that a detail quotes at most.
inline constexpr std::size_t max_quoted = 100;
/// The text in quotes for a detail, cut. Raw: the log makes it printable.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// All values of one field: unchanged, without blanks around them, folded lines joined by a space.
class FieldValues {
public:
    /// A field of this name, or a line that continues the one before (RFC 9112 section 5.2, obs-fold).
    void add(std::string_view value);
    void fold(std::string_view more);
    [[nodiscard]] bool present() const noexcept { return present_; }
    /// A line that is not blank continued one of them.
    [[nodiscard]] bool folded() const noexcept { return folded_; }
    /// In the order they came; they live as long as this.
    [[nodiscard]] std::vector<std::string_view> all() const;
    /// For a detail: ", " between them, cut; "none" when there is none.
    [[nodiscard]] std::string shown() const;

private:
    std::string text_; // LF between the values: none holds one. A vector would cost a head of tiny fields 5:1
    bool present_ = false, folded_ = false;
};

struct HttpHead {
    unsigned status = 0;
    bool http_1_0 = false;
    FieldValues content_type, content_encoding, content_length, transfer_encoding, location, date;
};

class HeadReader {
public:
    /// Takes octets from the front of `octets`; true when the head is complete, and nothing of what follows
    /// it has been taken. The error is http_malformed or http_too_large, at the first octet that is wrong.
    /// After either nothing more may be fed.
    [[nodiscard]] base::Expected<bool, Failure> feed(std::string_view& octets);
    /// Requires a complete head.
    [[nodiscard]] HttpHead take() noexcept;
    /// No octet has come.
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

private:
    [[nodiscard]] base::Expected<bool, Failure> line(std::string_view text);
    [[nodiscard]] base::Expected<void, Failure> status_line(std::string_view text);
    [[nodiscard]] base::Expected<void, Failure> field(std::string_view text);

    HttpHead head_;
    std::string line_;                      // the received part of an unfinished line
    std::size_t size_ = 0;                  // octets of the head so far
    std::size_t lines_ = 0;                 // finished ones
    FieldValues HttpHead::*last_ = nullptr; // the field that a folded line would continue, if it is kept
};

} // namespace fetch
