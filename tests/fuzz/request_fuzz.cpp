// Any request payload gives no request, a policy domain that is safe to use, or one of the key_* reasons.
#include "fuzz.hpp"

#include "postfix/request.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view payload = fuzz::view(data, size);
    const auto request = postfix::parse_request(payload);
    fuzz::require(request.has_value() == (payload.find(' ') != payload.npos), "a space makes a request");
    if (!request) return 0;
    if (!request->domain) {
        fuzz::require(base::to_string(request->domain.error()).starts_with("key-"), "a key_* reason");
        return 0;
    }
    const base::Domain& domain = *request->domain;
    fuzz::require(base::Domain::parse(domain.name()) == domain, "the domain is one");
    fuzz::require(domain.labels() >= 2, "two labels");
    fuzz::require(domain.record_name().size() <= 253, "its record has a name");
    fuzz::require(base::Domain::parse(domain.record_name()).has_value(), "its record name is a name");
    for (const char* form :
         {"[", ""}) { // the same host in brackets and with a port is the same policy domain
        const std::string key = form + domain.name() + (*form ? "]:587" : ":25");
        fuzz::require(postfix::policy_domain(key) == request->domain, "brackets and port do not matter");
    }
    return 0;
}
