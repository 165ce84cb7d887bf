// dane/validation.hpp - is a trusted validating resolver in use? Pure.
//
// Without one no answer is ever secure, and DANE cannot be seen. A name known to be signed must
// come with AD, and with its SOA, for an answer that is empty proves nothing; a name known to be badly
// signed, where one is configured, must not come at all. Each name server is judged by itself.
#pragma once

#include "dane/host.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dane {

struct Validation {
    enum class State {
        yes,
        no,      ///< the server does not validate, or its AD bit is not trusted
        unknown, ///< a lookup failed in a way that says nothing: ask again
    };
    State state = State::unknown;
    std::string why; ///< one printable line
    friend bool operator==(const Validation&, const Validation&) = default;
};
[[nodiscard]] std::string_view to_string(Validation::State state) noexcept; ///< "yes", "no", "unknown"

/// Whether one server validates. `from_signed` is what came of asking it for the SOA of `signed_name` ("" is
/// the root); `from_broken`, where asked, of `broken_name`. AD as it came, whether the server is trusted or
/// not.
[[nodiscard]] Validation judge_validation(std::string_view signed_name, const Result& from_signed,
                                          std::string_view broken_name = {},
                                          const std::optional<Result>& from_broken = {});

/// What is known of one server.
struct ServerFinding {
    std::string server;    ///< "127.0.0.1:53"
    bool trusted = false;  ///< its AD bit may be believed
    Validation validation; ///< whether or not it is trusted
    friend bool operator==(const ServerFinding&, const ServerFinding&) = default;
};

/// Of all servers: yes when one validates and is trusted, else unknown as long as nothing is known of one
/// that is trusted, else no.
[[nodiscard]] Validation together(const std::vector<ServerFinding>& findings);

/// During a run: if DANE was found off at the start it stays off, even if a server validates later, because
/// Postfix may have been set up for that. If it was on, it may go off and come back.
class Activation {
public:
    /// Start and reload: the next finding that is not unknown decides again.
    void begin() { first_.reset(); }
    /// `found`, or what counts instead.
    [[nodiscard]] Validation take(Validation found);

private:
    std::optional<bool> first_; ///< on or off, by the first finding that was not unknown
};

} // namespace dane
