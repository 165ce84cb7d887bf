#include "daemon/service_names.hpp"

#include <fstream>

namespace app {

std::shared_ptr<const postfix::Services> read_services(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(postfix::Services::max_octets, '\0');
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) file.clear();
    text.resize(static_cast<std::size_t>(file.gcount()));
    return std::make_shared<const postfix::Services>(text);
}

} // namespace app
