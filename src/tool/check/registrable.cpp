#include "tool/check/registrable.hpp"

#include <libpsl.h>

namespace check {
namespace {

/// The newest of the system's list and of the one that is compiled into the library; never freed.
const psl_ctx_t* suffixes() {
    static const psl_ctx_t* const list = psl_latest(nullptr);
    return list;
}

} // namespace

std::string registrable_part(std::string_view name) {
    const std::string whole(name);
    const psl_ctx_t* const list = suffixes();
    const char* const part = list == nullptr ? nullptr : psl_registrable_domain(list, whole.c_str());
    return part == nullptr ? whole : part;
}

} // namespace check
