#include "daemon/spare_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace app {

void require_spare_descriptors(std::size_t count) {
    std::array<int, 64> opened{};
    count = std::min(count, opened.size());
    std::size_t got = 0;
    int error = 0;
    while (got < count && error == 0) {
        opened[got] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (opened[got] < 0)
            error = errno;
        else
            ++got;
    }
    for (std::size_t i = 0; i < got; ++i) ::close(opened[i]);
    if (error == EMFILE || error == ENFILE)
        throw std::runtime_error("no room for " + std::to_string(count) + " more open files (" +
                                 std::generic_category().message(error) + "); raise the limit");
}

} // namespace app
