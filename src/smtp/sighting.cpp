#include "smtp/sighting.hpp"

#include <array>
#include <utility>

namespace smtp {
namespace {

constexpr std::array stages{
    std::pair{Stage::connect, std::string_view{"connect"}},
    std::pair{Stage::banner, std::string_view{"banner"}},
    std::pair{Stage::ehlo, std::string_view{"ehlo"}},
    std::pair{Stage::starttls, std::string_view{"starttls"}},
    std::pair{Stage::tls, std::string_view{"tls"}},
    std::pair{Stage::done, std::string_view{"done"}},
};

constexpr std::array troubles{
    std::pair{Trouble::none, std::string_view{"none"}},
    std::pair{Trouble::refused, std::string_view{"refused"}},
    std::pair{Trouble::unreachable, std::string_view{"unreachable"}},
    std::pair{Trouble::timeout, std::string_view{"timeout"}},
    std::pair{Trouble::closed, std::string_view{"closed"}},
    std::pair{Trouble::reply_4xx, std::string_view{"reply-4xx"}},
    std::pair{Trouble::reply_5xx, std::string_view{"reply-5xx"}},
    std::pair{Trouble::not_smtp, std::string_view{"not-smtp"}},
    std::pair{Trouble::not_offered, std::string_view{"not-offered"}},
    std::pair{Trouble::injected, std::string_view{"injected"}},
    std::pair{Trouble::tls_version, std::string_view{"tls-version"}},
    std::pair{Trouble::tls_handshake, std::string_view{"tls-handshake"}},
};

std::string_view word_of(const auto& table, auto value) noexcept {
    for (const auto& [each, word] : table)
        if (each == value) return word;
    return {};
}

auto value_of(const auto& table, std::string_view word) noexcept -> std::optional<decltype(table[0].first)> {
    for (const auto& [each, its] : table)
        if (its == word) return each;
    return std::nullopt;
}

} // namespace

std::string_view to_string(Stage stage) noexcept { return word_of(stages, stage); }
std::optional<Stage> parse_stage(std::string_view word) noexcept { return value_of(stages, word); }
std::string_view to_string(Trouble trouble) noexcept { return word_of(troubles, trouble); }
std::optional<Trouble> parse_trouble(std::string_view word) noexcept { return value_of(troubles, word); }

} // namespace smtp
