#include "log/log_buffer.hpp"

#include <algorithm>

namespace app {

void LogBuffer::drop_first(std::size_t octets) {
    std::char_traits<char>::move(octets_.data(), octets_.data() + octets, size_ - octets);
    size_ -= octets;
}

void LogBuffer::grow(std::size_t most) { octets_.resize(std::max(2 * octets_.size(), size_ + most)); }

} // namespace app
