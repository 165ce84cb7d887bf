#include "cache/valkey/greeting.hpp"

#include <utility>

namespace valkey {

namespace {

std::string with_code(std::string words, std::string_view error) {
    const std::string_view code = known_code(error);
    if (!code.empty() && code != "ERR") words.append(" (").append(code).append(")");
    return words;
}

} // namespace

Greeting::Greeting(const Login& login) : wanted_(login.role) {
    if (!login.password.empty()) {
        Arguments auth{"AUTH"};
        if (!login.user.empty()) auth.push_back(login.user);
        auth.push_back(login.password);
        say(Step::auth, auth);
    }
    if (login.database != 0) say(Step::select, {"SELECT", std::to_string(login.database)});
    if (login.ask_role) say(Step::role, {"ROLE"});
    if (!login.expiry_key.empty()) say(Step::expiry, {"SET", login.expiry_key, "x", "PXAT", "0"});
}

void Greeting::say(Step step, const Arguments& arguments) {
    const auto octets = format(arguments);
    if (!octets) return fail(octets.error().trouble, "the user's name or password is too long");
    octets_ += *octets;
    steps_.push_back(step);
}

void Greeting::fail(Trouble trouble, std::string words) {
    failed_ = true;
    failure_ = Failure{trouble, std::move(words)};
}

Greeting::Progress Greeting::progress() const noexcept {
    if (failed_) return Progress::failed;
    return at_ == steps_.size() ? Progress::ready : Progress::more;
}

Greeting::Progress Greeting::take(const Reply& reply) {
    if (progress() != Progress::more) return progress();
    const Step step = steps_[at_++];
    if (step == Step::expiry)
        take_expiry(reply);
    else if (reply.is_error())
        take_error(step, reply.text);
    else if (step == Step::role)
        take_role(reply);
    else if (!reply.says("OK"))
        fail(Trouble::protocol, "no reply to AUTH or SELECT");
    return progress();
}

void Greeting::take_error(Step step, const std::string& error) {
    const Trouble trouble = trouble_of(error);
    if (trouble == Trouble::loading) return fail(trouble, "the engine is loading its data");
    if (trouble == Trouble::overloaded) return fail(trouble, "the engine takes no more clients");
    if (known_code(error) == "DENIED") return fail(trouble, "the engine is in protected mode (DENIED)");
    switch (step) {
    case Step::auth: return fail(Trouble::auth, with_code("user or password are not accepted", error));
    case Step::select: return fail(trouble, with_code("the database cannot be selected", error));
    case Step::role:
        if (trouble == Trouble::auth)
            return fail(trouble, with_code("a user and a password are needed", error));
        return fail(trouble, with_code("the engine does not tell its role", error));
    case Step::expiry: return;
    }
}

/// ["master", offset, replicas] or ["slave", address, port, state, offset].
void Greeting::take_role(const Reply& reply) {
    if (reply.kind != Reply::Kind::array || reply.elements.empty())
        return fail(Trouble::protocol, "no reply to ROLE");
    if (reply.elements[0].says("master"))
        role_ = Role::primary;
    else if (reply.elements[0].says("slave"))
        role_ = Role::replica;
    else
        return fail(Trouble::refused, "it is a Sentinel, not an engine, or has an unknown role");
    if (!wanted_ || wanted_ == role_) return;
    if (role_ == Role::replica) return fail(Trouble::readonly, "it is a replica, and the primary is wanted");
    fail(Trouble::down, "it is the primary, and a replica is wanted");
}

/// Errors of other kinds (a replica, no memory) come before an engine looks at the time: not known then. An engine that
/// loads its data tells its role, and answers nothing else.
void Greeting::take_expiry(const Reply& reply) {
    if (reply.is_error() && trouble_of(reply.text) == Trouble::loading)
        return take_error(Step::expiry, reply.text);
    if (reply.is_error() && reply.text.starts_with("ERR syntax error"))
        return fail(Trouble::refused,
                    "the engine is too old: it has no PXAT (Redis 6.2 or newer, or Valkey)");
    if (reply.is_error() && trouble_of(reply.text) == Trouble::noperm)
        return fail(Trouble::noperm, "the user may not write our keys (NOPERM)");
    if (!reply.is_error()) fail(Trouble::protocol, "no reply to SET");
}

} // namespace valkey
