// cache/valkey/greeting.hpp - what is said first on a new connection, and what the replies mean, as a state machine
// without I/O: AUTH, SELECT, ROLE, and whether the engine has PXAT.
//
// All of it is sent at once, so it takes one round trip. RESP2: HELLO is not used. PXAT (Redis 6.2 and newer, every
// Valkey) is found out by `SET KEY x PXAT 0`, which no engine carries out: a new one calls the time invalid, an older
// one calls it a syntax error. INFO would need @dangerous in the ACL.
//
// Words never hold what the engine said, but its error code if that is a known one: see known_code().
#pragma once

#include "cache/valkey/reply.hpp"
#include "cache/valkey/resp.hpp"
#include "cache/valkey/trouble.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace valkey {

enum class Role : std::uint8_t { primary, replica };

struct Login {
    std::string user;         ///< "": AUTH with the password alone, for the engine's default user
    std::string password;     ///< "": no AUTH
    int database = 0;         ///< 0: no SELECT
    bool ask_role = true;     ///< not of a Sentinel
    std::optional<Role> role; ///< the only one that will do; needs ask_role
    std::string expiry_key;   ///< a key that the ACL lets us write, to find out about PXAT; "": not asked
};

class Greeting {
public:
    explicit Greeting(const Login& login);

    /// To send; empty: there is nothing to say, and the connection is ready.
    [[nodiscard]] const std::string& octets() const noexcept { return octets_; }

    enum class Progress { more, ready, failed };
    [[nodiscard]] Progress progress() const noexcept;
    /// Only while progress() is `more`.
    [[nodiscard]] Progress take(const Reply& reply);

    /// After `failed`.
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
    /// After `ready`, if it was asked.
    [[nodiscard]] std::optional<Role> role() const noexcept { return role_; }

private:
    enum class Step : std::uint8_t { auth, select, role, expiry };

    void say(Step step, const Arguments& arguments);
    void take_error(Step step, const std::string& error);
    void take_role(const Reply& reply);
    void take_expiry(const Reply& reply);
    void fail(Trouble trouble, std::string words);

    std::optional<Role> wanted_, role_;
    std::string octets_;
    std::vector<Step> steps_;
    std::size_t at_ = 0;
    bool failed_ = false;
    Failure failure_;
};

} // namespace valkey
