#include "daemon/spare_descriptors.hpp"

#include "base/net/descriptor.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace app {

void require_spare_descriptors(std::size_t count) {
    std::array<net::Descriptor, 64> opened;
    int error = 0;
    for (std::size_t i = 0; i < std::min(count, opened.size()) && error == 0; ++i) {
        opened[i] = net::Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        if (!opened[i]) error = errno;
    }
    if (error == EMFILE || error == ENFILE)
        throw std::runtime_error("no room for " + std::to_string(count) + " more open files (" +
                                 std::generic_category().message(error) + "); raise the limit");
}

} // namespace app
