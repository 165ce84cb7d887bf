#include "base/mdoc.hpp"

#include <cstddef>

namespace base {

namespace {

constexpr std::size_t wide = 100; // columns; a line of the manual ends with the word that reaches it

} // namespace

void append_mdoc(std::string& out, std::string_view words) {
    bool fresh = true; // the line is empty
    while (!words.empty()) {
        if (words.front() == '`') {
            const std::size_t end = words.find('`', 1);
            if (!fresh) out += '\n';
            out.append(".Ic ").append(words.substr(1, end - 1));
            words.remove_prefix(end + 1);
            while (!words.empty() &&
                   std::string_view{".,;:)"}.find(words.front()) != std::string_view::npos) {
                out.append(" ").append(1, words.front());
                words.remove_prefix(1);
            }
            while (!words.empty() && words.front() == ' ') words.remove_prefix(1);
            out += '\n';
            fresh = true;
            continue;
        }
        const std::size_t column = out.size() - (out.rfind('\n') + 1);
        out += column > wide && words.front() == ' ' ? '\n' : words.front();
        fresh = false;
        const bool ends = words.starts_with(". ") || (words.size() > 1 && words[1] == '`');
        words.remove_prefix(words.starts_with(". ") ? 2 : 1);
        if (!ends) continue;
        if (out.back() == ' ') out.pop_back();
        out += '\n';
        fresh = true;
    }
    if (!fresh) out += '\n';
}

} // namespace base
