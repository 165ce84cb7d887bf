// Any request payload gives no request, a next hop whose policy domain is safe to use, or one of the key_*
// reasons.
#include "fuzz.hpp"

#include "postfix/request.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view payload = fuzz::view(data, size);
    const auto request = postfix::parse_request(payload);
    fuzz::require(request.has_value() == (payload.find(' ') != payload.npos), "a space makes a request");
    if (!request) return 0;
    if (!request->hop) {
        fuzz::require(base::to_string(request->hop.error()).starts_with("key-"), "a key_* reason");
        return 0;
    }
    const postfix::NextHop& hop = *request->hop;
    const base::Domain& domain = hop.host;
    fuzz::require(base::Domain::parse(domain.name()) == domain, "the domain is one");
    fuzz::require(domain.labels() >= 2, "two labels");
    fuzz::require(domain.record_name().size() <= 253, "its record has a name");
    fuzz::require(base::Domain::parse(domain.record_name()).has_value(), "its record name is a name");
    if (hop.port != postfix::NextHop::unknown_port)
        fuzz::require(postfix::next_hop(to_string(hop)) == hop, "what is written is read again");
    // Brackets and port do not change the policy domain, but each of them makes another next hop.
    for (const bool brackets : {false, true})
        for (const std::uint16_t port : {std::uint16_t{25}, std::uint16_t{587}}) {
            const postfix::NextHop other{base::Domain(domain), port, brackets};
            const auto read = postfix::next_hop(to_string(other));
            fuzz::require(read == other, "all forms of the host");
            fuzz::require((*read == hop) == (port == hop.port && brackets == hop.brackets),
                          "the same next hop only with the same port and brackets");
            fuzz::require(read->usual() == (port == 25 && !brackets), "the usual form");
        }
    return 0;
}
