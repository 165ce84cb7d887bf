// log/log_buffer.hpp - memory in which lines are built.
//
// A writer asks for room for the most that it may write, writes through a plain pointer and reports the end.
// clear() keeps the memory for the next line, so making a line usually allocates nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace app {

class LogBuffer {
public:
    [[nodiscard]] std::string_view text() const noexcept { return {octets_.data(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return octets_.capacity(); }
    void clear() noexcept { size_ = 0; }
    void cut_to(std::size_t size) noexcept { size_ = size; } ///< size() at most
    void drop_first(std::size_t octets);                     ///< size() at most

    /// Where the next octet goes, with room for `most` octets. Valid until the next call.
    [[nodiscard]] char* room(std::size_t most) {
        if (octets_.size() - size_ < most) grow(most);
        return octets_.data() + size_;
    }
    /// Reports that the written octets end before `end`.
    void end_at(const char* end) noexcept { size_ = static_cast<std::size_t>(end - octets_.data()); }

private:
    void grow(std::size_t most);

    std::string octets_; ///< all of it is room; the text is its first size_ octets
    std::size_t size_ = 0;
};

/// Copies `text` to a place with enough room; returns the end.
inline char* put(char* at, std::string_view text) noexcept {
    std::char_traits<char>::copy(at, text.data(), text.size());
    return at + text.size();
}

} // namespace app
