#include "tool/lint/adder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace lint {

void Adder::add(std::string_view id, const Place& place, std::string words, std::string hint) {
    findings::Finding one = findings::found(id);
    Same& same = same_[one.row];
    if (++same.count > max_same) return;
    same.last = all_.size();
    one.line = place.line;
    one.column = place.column;
    one.quote = place.quote.substr(0, findings::max_quote);
    one.words = std::move(words);
    one.hint = std::move(hint);
    all_.push_back(std::move(one));
}

std::vector<findings::Finding> Adder::take() {
    for (const auto& [row, same] : same_) {
        if (same.count <= max_same) continue;
        std::string& words = all_[same.last].words;
        if (words.empty()) words = row->title;
        words += "; so are " + std::to_string(same.count - max_same) + " more";
    }
    const auto line = [](const findings::Finding& one) {
        return one.line == 0 ? std::numeric_limits<std::size_t>::max() : one.line;
    };
    std::ranges::stable_sort(all_, {}, line);
    return std::move(all_);
}

} // namespace lint
