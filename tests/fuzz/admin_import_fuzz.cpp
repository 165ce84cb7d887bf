// Any body of an import, cut anywhere: the same lines however it is cut, none too long, and what a line says keeps its
// type's promises.
#include "fuzz.hpp"

#include "admin/import_line.hpp"
#include "sts/policy.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::vector<std::string> lines_of(std::string_view body, std::size_t step) {
    admin::LineCutter cutter;
    std::vector<std::string> lines;
    const auto drain = [&] {
        while (auto line = cutter.next()) lines.push_back(*std::move(line));
    };
    for (std::size_t at = 0; at < body.size(); at += step) {
        cutter.feed(body.substr(at, step));
        drain();
    }
    cutter.end();
    drain();
    return lines;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = 1 + data[0];
    const std::string_view body{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::vector<std::string> lines = lines_of(body, body.size() + 1);
    fuzz::require(lines == lines_of(body, step), "the same lines however it is cut");
    for (const std::string& text : lines) {
        fuzz::require(text.size() <= admin::max_import_line, "no line is too long");
        fuzz::require(text.find('\n') == std::string::npos, "a line is one");
        const auto one = admin::read_line(text);
        if (!one) {
            fuzz::require(!one.error().empty(), "an error has words");
            fuzz::require(std::ranges::all_of(one.error(), [](char c) { return c >= ' ' && c < 0x7f; }),
                          "which are printable");
            continue;
        }
        const auto* policy = std::get_if<admin::PolicyLine>(&*one);
        if (policy == nullptr) continue;
        fuzz::require(policy->domain.name().size() <= base::max_policy_domain, "a policy domain");
        fuzz::require(!policy->id.empty() && policy->id.size() <= 32, "an id");
        fuzz::require(policy->text.size() <= sts::max_policy_size, "a text of a policy's size");
    }
    return 0;
}
