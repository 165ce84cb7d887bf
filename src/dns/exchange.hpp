// dns/exchange.hpp - one question to a list of name servers as a state machine. Pure.
//
// The owner feeds each event with its time, and does what the returned Actions says. Rules:
// * One deadline for the question and all its tries; nothing extends it. A try lasts try_for, then the
//   next server is asked; the reply to an earlier try still counts. Servers are asked in rounds until the
//   deadline.
// * A query has a high form (with EDNS; with DO and AD where the worth of the answer matters) and a low one,
//   as sent by glibc (with AD where it matters). After silence the next try at the same server has
//   the other form; a server that has not shown that it takes the high one gets the low one at once, beside
//   the next server's try. An error code: the same server once more, at once, in the low form. Nonsense: the
//   same server at once in the low form, and if that fails too over TCP.
// * Truncated over UDP: the same server over TCP.
// * An error code again, or a referral: this server is not asked again for this question.
// * No contact, or nonsense over TCP: the next server; the server gets one more chance in the next round,
//   which does not begin before round_pause is over.
// * Datagrams that are no well-formed reply to the try's own question and id are ignored (at most max_ignored
//   a try, against guessing of ids); the try goes on and ends when it would have ended.
// * What an answer is worth: from a server that is not believed, indeterminate. From one that is believed,
//   secure with AD; without AD insecure if it was asked with DO and AD, else indeterminate.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "base/reason.hpp"
#include "dns/message.hpp"
#include "dns/wire.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dns {

enum class Transport { udp, tcp };

/// A server of the list, in the order of asking.
struct Candidate {
    std::size_t server = 0; ///< the owner's number for it
    bool believed = false;  ///< its AD bit counts: it is trusted, and has shown that it validates
    bool low = false;       ///< begin with the low form
    bool proven = false;    ///< it has recently answered the high form
};

struct ExchangeOptions {
    base::milliseconds try_for{2000};
    base::milliseconds round_pause{500};
    unsigned tries_per_server = 4; ///< not counting max_repetitions
    unsigned max_ignored = 100;    ///< datagrams of one try that are not a reply to it
    bool tcp_only = false;         ///< resolv.conf's use-vc
};

/// Queries that a server may get for one question in addition to its tries: in the low form after an error
/// code and after nonsense, over TCP after nonsense and after TC.
inline constexpr unsigned max_repetitions = 4;

/// Send a query. A UDP try needs a socket of its own, connected to the server, so that only the server can
/// answer it.
struct Send {
    std::size_t attempt = 0; ///< identifies the try in message() and failed()
    std::size_t server = 0;
    Transport transport{};
    Bytes message; ///< without TCP's length field
};

/// The result of a try: for the health of servers and the log.
struct Note {
    enum class What {
        replied,   ///< an answer, useful or not
        truncated, ///< go on over TCP
        stepped,   ///< an error code or nonsense: go on in a lower form
        failed,    ///< no reply (dns_timeout, dns_network), nonsense (dns_malformed), or no answer (servfail,
                   ///< refused)
    };
    What what{};
    std::size_t server = 0;
    Transport transport{};
    QueryForm form;
    base::Reason reason{}; ///< for failed and stepped
    base::Steady started{};
    bool answer = false;       ///< replied, with NOERROR or NXDOMAIN
    bool ad = false;           ///< likewise, with AD
    bool high_failed = false;  ///< an earlier try of this question in the high form had no result
    bool servers_fault = true; ///< false: nothing was sent, or the question's deadline cut the try short
};

/// What to do now. First the notes, then the queries; then wait for an event, or until `wake` and call
/// time_passed().
struct Actions {
    std::vector<Note> notes;
    std::vector<Send> sends;
    std::optional<Result> done; ///< the question is over: close everything
    base::Steady wake{};
};

enum class IoError {
    unreachable, ///< refused, no route, reset, ended early
    local,       ///< this machine does not let us ask: the server is not to blame
    exhausted,   ///< we have no descriptor or memory left: the same, and the cause is ours
};

/// Octets of Exchange::tried().
inline constexpr std::size_t max_tried = 300;

class Exchange {
public:
    using RandomId = std::function<std::uint16_t()>;

    /// `name` is lower-case and absolute. `worth_matters`: ask believed servers in the form in which they
    /// tell the worth of their answer. `random_id` is called once per try and must not be predictable.
    Exchange(std::string name, Type type, bool worth_matters, std::vector<Candidate> candidates,
             ExchangeOptions options, base::Steady deadline, RandomId random_id);

    [[nodiscard]] Actions start(base::Steady now);
    /// A datagram, or a TCP message without its length field, came on the try's socket.
    [[nodiscard]] Actions message(std::size_t attempt, std::span<const std::uint8_t> bytes, base::Steady now);
    [[nodiscard]] Actions failed(std::size_t attempt, IoError error, base::Steady now);
    [[nodiscard]] Actions time_passed(base::Steady now);

    /// The tries and their results: "127.0.0.1:53 udp+edns dns-timeout, udp dns-servfail". Printable, at most
    /// max_tried octets. `name_of` gives a server's name for its number.
    [[nodiscard]] std::string tried(const std::function<std::string(std::size_t)>& name_of) const;

    /// The server whose answer is the result.
    [[nodiscard]] std::optional<std::size_t> answered_by() const noexcept { return answered_by_; }
    [[nodiscard]] bool done() const noexcept { return done_; }
    /// False when no further message for the try matters: its socket may be closed.
    [[nodiscard]] bool listens_to(std::size_t attempt) const { return !done_ && attempts_.at(attempt).open; }
    /// The try has ended by a reply or by its own failure, and not because the question was over.
    [[nodiscard]] bool has_ended(std::size_t attempt) const { return !attempts_.at(attempt).open; }

private:
    struct Peer {
        Candidate candidate;
        bool low = false;     ///< the form of its next try
        bool settled = false; ///< that form stays: the high one is not understood
        bool erred = false;   ///< the query was already repeated after an error code
        bool tcp = false;     ///< an answer did not fit into a datagram, or was nonsense
        bool spent = false;   ///< not to be asked again
        bool high_failed = false;
        unsigned tries = 0, breaks = 0, timeouts = 0;
    };
    struct Attempt {
        std::size_t peer = 0;
        Transport transport{};
        std::uint16_t id = 0;
        QueryForm form;
        base::Steady started{};
        bool open = true; ///< still listened to
        bool garbled = false, stepped = false;
        unsigned ignored = 0;
        base::Reason outcome{}; ///< none: nothing yet
        unsigned rcode = 0;
    };

    enum class Turn { current, beside }; ///< beside: another try is the current one
    void ask(std::size_t peer, base::Steady now, Actions& actions, Turn turn = Turn::current);
    [[nodiscard]] QueryForm form(const Peer& peer) const noexcept;
    [[nodiscard]] Note note(const Attempt& attempt, Note::What what, base::Reason reason) const;
    void nonsense(std::size_t attempt, base::Steady now, Actions& actions);
    void ask_next(base::Steady now, Actions& actions);
    void give_up_on(Attempt& attempt, base::Reason reason, Actions& actions);
    void broken(std::size_t attempt, base::Reason reason, bool servers_fault, base::Steady now,
                Actions& actions);
    void take(std::size_t attempt, Decoded reply, base::Steady now, Actions& actions);
    void finish(Result result, Actions& actions);
    [[nodiscard]] bool may_ask(const Peer& peer) const noexcept;
    [[nodiscard]] base::Reason failure(base::Reason without) const noexcept;
    [[nodiscard]] bool is_current(std::size_t attempt) const noexcept { return current_ == attempt; }
    [[nodiscard]] Actions rest(Actions actions) const;

    std::string name_;
    Type type_{};
    bool worth_matters_ = false;
    std::vector<Peer> peers_;
    ExchangeOptions options_;
    base::Steady deadline_{};
    RandomId random_id_;

    std::vector<Attempt> attempts_;
    std::optional<std::size_t> current_; ///< the current try, whose time runs
    base::Steady until_{};               ///< end of the current try, or of the pause before the next round
    base::Steady round_started_{};
    std::size_t next_peer_ = 0;
    base::Reason worst_ = base::Reason::none; ///< the most informative failure so far
    bool refused_or_servfail_ = false;
    bool exhausted_ = false; ///< a try was lost because we ran out of descriptors or memory
    bool done_ = false;
    std::optional<std::size_t> answered_by_;
};

} // namespace dns
