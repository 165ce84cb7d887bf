#include "cache/valkey/trouble.hpp"

#include <algorithm>
#include <array>

namespace valkey {

namespace {

struct Code {
    std::string_view word;
    Trouble trouble;
};
constexpr std::array codes{
    Code{"ASK", Trouble::refused},
    Code{"BUSY", Trouble::overloaded},
    Code{"CLUSTERDOWN", Trouble::refused},
    Code{"CROSSSLOT", Trouble::refused},
    Code{"DENIED", Trouble::refused},
    Code{"ERR", Trouble::refused},
    Code{"EXECABORT", Trouble::refused},
    Code{"IDONTKNOW", Trouble::refused},
    Code{"LOADING", Trouble::loading},
    Code{"MASTERDOWN", Trouble::masterdown},
    Code{"MISCONF", Trouble::refused},
    Code{"MOVED", Trouble::refused},
    Code{"NOAUTH", Trouble::auth},
    Code{"NOPERM", Trouble::noperm},
    Code{"NOPROTO", Trouble::refused},
    Code{"NOREPLICAS", Trouble::refused},
    Code{"OOM", Trouble::oom},
    Code{"READONLY", Trouble::readonly},
    Code{"TRYAGAIN", Trouble::refused},
    Code{"WRONGPASS", Trouble::auth},
    Code{"WRONGTYPE", Trouble::refused},
};

const Code* find(std::string_view error) noexcept {
    const std::string_view word = error.substr(0, error.find(' '));
    const auto* const found = std::ranges::find(codes, word, &Code::word);
    return found == codes.end() ? nullptr : found;
}

} // namespace

std::string_view to_string(Trouble trouble) noexcept {
    switch (trouble) {
    case Trouble::down: return "down";
    case Trouble::timeout: return "timeout";
    case Trouble::refused: return "refused";
    case Trouble::auth: return "auth";
    case Trouble::noperm: return "noperm";
    case Trouble::readonly: return "readonly";
    case Trouble::loading: return "loading";
    case Trouble::masterdown: return "masterdown";
    case Trouble::oom: return "oom";
    case Trouble::protocol: return "protocol";
    case Trouble::too_large: return "too-large";
    case Trouble::overloaded: return "overloaded";
    case Trouble::stopping: return "stopping";
    }
    return "down";
}

Trouble trouble_of(std::string_view error) noexcept {
    if (error.starts_with("ERR max number of clients")) return Trouble::overloaded;
    if (error.starts_with("ERR invalid password")) return Trouble::auth; // Redis 5 and older
    const Code* const code = find(error);
    return code == nullptr ? Trouble::refused : code->trouble;
}

std::string_view known_code(std::string_view error) noexcept {
    const Code* const code = find(error);
    return code == nullptr ? std::string_view{} : code->word;
}

} // namespace valkey
