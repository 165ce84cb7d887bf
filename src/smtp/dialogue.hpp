// smtp/dialogue.hpp - what a client says to a mail server up to its certificate, and what the answers mean, as a state
// machine without I/O: banner, EHLO, STARTTLS, handshake, QUIT.
//
// Decides as Postfix does (smtp_proto.c), so a server that refuses EHLO is greeted with HELO, and does not offer
// STARTTLS then. One exception: octets behind the reply to STARTTLS end it, where Postfix drops them. It never says
// MAIL or RCPT, and ends with QUIT wherever the server still listens.
#pragma once

#include "smtp/reply.hpp"
#include "smtp/sighting.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace smtp {

/// Octets of the peer's texts that are kept in a Sighting: a banner, a line of EHLO, words.
inline constexpr std::size_t max_kept_text = 512;

class Dialogue {
public:
    /// Begins when the connection is made.
    explicit Dialogue(std::string helo_name);

    enum class Want {
        octets, ///< of the server: received(), closed() or timed_out()
        tls,    ///< a handshake: shaken() or not_shaken()
        end,    ///< nothing more: close the connection
    };
    [[nodiscard]] Want want() const noexcept;
    /// What must be sent before that; empty: nothing. It is sent once.
    [[nodiscard]] std::string to_send();
    /// The result is there, and want() is only for the end of good manners: QUIT was said.
    [[nodiscard]] bool quitting() const noexcept { return state_ == State::quit; }

    void received(std::string_view octets);
    /// `words`: the system's or OpenSSL's.
    void closed(std::string_view words);
    void timed_out();
    void shaken();
    /// Also after shaken(), when the server ends it by an alert: in TLS 1.3 it may refuse the client that late.
    void not_shaken(Trouble trouble, std::string_view words);

    /// stage, trouble, words, banner, ehlo, helo_name; the rest is the caller's.
    [[nodiscard]] const Sighting& seen() const noexcept { return seen_; }

private:
    enum class State { banner, ehlo, helo, starttls, tls, quit, over };

    void over_limit();
    void take(const Reply& reply);
    void take_banner(const Reply& reply);
    void take_ehlo(const Reply& reply);
    void take_helo(const Reply& reply);
    void take_starttls(const Reply& reply);
    void say(std::string_view command, State next);
    void stop(Trouble trouble, std::string_view words, State next);

    Sighting seen_;
    State state_ = State::banner;
    ReplyReader reader_;
    std::string out_;
};

} // namespace smtp
