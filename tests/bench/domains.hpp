// tests/bench/domains.hpp - the domains and policies of all benchmarks, as functions of a number.
//
// Number 0 is the most popular one. Names have 2.26 labels on average, as recipient domains of a large sender
// do; they stand under .test, so that nothing can ever be asked of a real domain. Nine policies in ten share
// 2,000 texts, as customers of large providers do; the rest have a text of their own. The first 1,000 domains
// are all enforced, so that a cached answer of theirs is "OK secure match=...".
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

inline constexpr std::string_view record_id = "20240101T000000"; ///< of every domain's TXT record
inline constexpr std::uint64_t shared_texts = 2000;
inline constexpr std::uint64_t enforced_head = 1000;

/// The well mixed bits of `n` (splitmix64).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t n) noexcept {
    n += 0x9e3779b97f4a7c15U;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
    return n ^ (n >> 31);
}

/// `n` in letters and digits.
[[nodiscard]] inline std::string base36(std::uint64_t n) {
    static constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string out;
    do out.push_back(digits[n % 36]);
    while ((n /= 36) != 0);
    return out;
}

/// "mail.k3v9q-x1.test": 26 of 100 have three labels, the rest two.
[[nodiscard]] inline std::string domain(std::uint64_t n) {
    static constexpr std::string_view hosts[] = {"mail", "de", "eng", "news", "corp", "lists"};
    const std::uint64_t bits = mix(n);
    std::string name;
    if (bits % 100 < 26) name.append(hosts[(bits >> 8) % 6]).append(1, '.');
    name.append(base36((bits >> 16) % 60'466'176)).append("-").append(base36(n)).append(".test");
    return name;
}

[[nodiscard]] inline std::string policy_of_text(std::uint64_t text, std::string_view mode) {
    const std::uint64_t bits = mix(text ^ 0x5354534dU);
    const std::string provider = base36(bits % 1'679'616) + "-mx.test";
    std::string policy = "version: STSv1\r\nmode: ";
    policy.append(mode).append("\r\n");
    if (bits >> 62 == 0)
        policy.append("mx: *.").append(provider).append("\r\n");
    else
        for (std::uint64_t i = 0; i <= (bits >> 60 & 3); ++i)
            policy.append("mx: mx").append(base36(i + 1)).append(".").append(provider).append("\r\n");
    return policy.append("max_age: ").append((bits >> 40 & 1) != 0 ? "604800" : "1209600").append("\r\n");
}

/// The policy text of domain `n`. After the first ones, 60 of 100 are in mode enforce, 35 in testing, 5 in
/// none.
[[nodiscard]] inline std::string policy(std::uint64_t n) {
    const std::uint64_t bits = mix(n + 0x706f6cU);
    const bool own = bits % 10 == 0;
    const std::uint64_t text = own ? shared_texts + n : (bits >> 8) % shared_texts;
    const std::uint64_t luck = mix(text) % 100;
    if (n < enforced_head || luck < 60) return policy_of_text(text, "enforce");
    return policy_of_text(text, luck < 95 ? "testing" : "none");
}

/// Numbers from 0 to `count` - 1 with probabilities in proportion to 1 / (1 + number) (Zipf, s = 1).
class Zipf {
public:
    explicit Zipf(std::uint64_t count) : sums_(count) {
        double sum = 0;
        for (std::uint64_t i = 0; i < count; ++i) sums_[i] = sum += 1 / static_cast<double>(i + 1);
    }
    [[nodiscard]] std::uint64_t operator()(std::mt19937_64& random) const {
        const double at = std::uniform_real_distribution<double>{0, sums_.back()}(random);
        return static_cast<std::uint64_t>(std::ranges::upper_bound(sums_, at) - sums_.begin()) % sums_.size();
    }

private:
    std::vector<double> sums_;
};

} // namespace bench
