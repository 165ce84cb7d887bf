#include "app/log_buffer.hpp"

#include <algorithm>

namespace app {

void LogBuffer::grow(std::size_t most) { octets_.resize(std::max(2 * octets_.size(), size_ + most)); }

} // namespace app
