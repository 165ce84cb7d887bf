// Any octets as a value from the engine, and any content under a right seal: refused, or taken as a sound value that
// seals to the same octets.
#include "fuzz.hpp"

#include "support/valkey_sample.hpp"

#include <chrono>

namespace {

using valkey::Naming;

const valkey::KeyRing& ring() {
    static const valkey::KeyRing one = test::key_ring();
    return one;
}

const base::Domain domain = base::Domain::parse("example.com").value();

std::string name_as(Naming naming) { return name_of(domain, ring().sealing(), naming); }

/// The nonce in front of an encrypted content.
valkey::Nonce nonce_of(std::string_view octets) {
    valkey::Nonce nonce{};
    std::ranges::copy(octets.substr(octets.find('\n') + 1, nonce.size()), nonce.begin());
    return nonce;
}

void check(std::string_view octets, Naming naming) {
    const auto opened = open(octets, name_as(naming), ring(), test::fetched_then);
    if (!opened) {
        fuzz::require(!to_string(opened.error()).empty(), "a reason");
        return;
    }
    const valkey::Value& value = opened->value;
    fuzz::require(octets.size() <= valkey::max_value, "within the limit");
    fuzz::require(value.domain == domain && is_sound(value), "a sound value of this domain");
    fuzz::require(value.fetched <= test::fetched_then + valkey::max_ahead, "not from the future");
    fuzz::require(expires_at(value, opened->policy) > test::fetched_then, "not expired");
    fuzz::require(sts::parse_policy(value.text) == opened->policy, "the text's policy");
    const valkey::Nonce nonce = naming == Naming::hidden ? nonce_of(octets) : valkey::Nonce{};
    fuzz::require(seal(value, ring().sealing(), naming, nonce) == octets, "seals to the same octets");
}

/// A value of these parts opens as the same, and not when it was changed or cut.
void check_parts(fuzz::Script& input) {
    const Naming naming = input.octet() % 2 == 0 ? Naming::plain : Naming::hidden;
    const unsigned at = input.number(), bit = input.octet() % 8;
    valkey::Value value = test::sample_value();
    value.fetched += std::chrono::seconds{static_cast<int>(input.number()) - 32768};
    value.id = input.until('\n');
    value.host = input.until('\n');
    value.text = input.rest();
    if (!is_sound(value)) return;
    std::string octets = seal(value, ring().sealing(), naming, test::fixed_nonce());
    fuzz::require(octets.size() <= valkey::max_value, "fits");
    const auto opened = open(octets, name_as(naming), ring(), test::fetched_then);
    using enum valkey::Refusal;
    if (opened)
        fuzz::require(opened->value == value, "opens as it was sealed");
    else
        fuzz::require(opened.error() == from_future || opened.error() == expired ||
                          opened.error() == no_policy,
                      "refused for its time or its text alone");
    const auto refused = [&](std::string_view changed) {
        const auto result = open(changed, name_as(naming), ring(), test::fetched_then);
        return !result && (result.error() == bad_seal || result.error() == garbage ||
                           result.error() == unknown_key || result.error() == unknown_version);
    };
    fuzz::require(refused(std::string_view{octets}.substr(0, at % octets.size())), "not when cut");
    char& octet = octets[at % octets.size()];
    octet = static_cast<char>(octet ^ (1 << bit));
    fuzz::require(refused(octets), "not with another bit");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned how = input.octet() % 3;
    if (how == 2) {
        check_parts(input);
        return 0;
    }
    const std::string_view octets = input.rest();
    for (const Naming naming : {Naming::plain, Naming::hidden}) {
        if (how == 0)
            check(octets, naming);
        else
            check(test::with_seal(octets, naming, name_as(naming), ring().sealing()), naming);
    }
    return 0;
}
