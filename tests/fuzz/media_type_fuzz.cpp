// A Content-Type and a Content-Encoding field (separated by LF): one of four verdicts; case and blanks do not
// matter.
#include "fuzz.hpp"

#include "base/text.hpp"
#include "sts/response.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace {

base::Reason judge(std::string_view type, std::string_view encoding) {
    const std::array types{type}, encodings{encoding};
    return sts::judge({200, types, encodings});
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    const std::size_t cut = text.find('\n');
    const std::string type{text.substr(0, cut)};
    const std::string encoding{cut == text.npos ? std::string_view{} : text.substr(cut + 1)};
    const base::Reason got = judge(type, encoding);
    fuzz::require(got == base::Reason::none || got == base::Reason::http_media_type ||
                      got == base::Reason::http_encoding,
                  "one of the verdicts");
    fuzz::require(judge(base::ascii_lower(std::string_view{type}),
                        base::ascii_lower(std::string_view{encoding})) == got,
                  "case does not matter");
    fuzz::require(judge(" " + type + "\t", "\t" + encoding + " ") == got, "blanks round it do not matter");
    if (got != base::Reason::http_media_type)
        fuzz::require(
            base::iequals(type.substr(std::min(type.find_first_not_of(" \t,"), type.size())).substr(0, 10),
                          "text/plain"),
            "only text/plain passes");
    const std::array<std::string_view, 0> no_encoding{};
    const auto both = [&](std::string_view a, std::string_view b) {
        const std::array types{a, b};
        return sts::judge({200, types, no_encoding}) == base::Reason::none;
    };
    const bool plain = judge(type, "") == base::Reason::none;
    fuzz::require(both(type, type) == plain && (!plain || both("text/plain", type)),
                  "twice the same says the same");
    fuzz::require(!both(type, "text/html") && !both("text/html", type), "two that differ do not pass");
    return 0;
}
