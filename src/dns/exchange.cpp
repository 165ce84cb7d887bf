#include "dns/exchange.hpp"

#include <algorithm>
#include <utility>

namespace dns {
namespace {

using base::Reason;

/// How informative a failure is: most if a server looked and found trouble, less if it did not look, least
/// for silence.
int weight(Reason reason) {
    switch (reason) {
    case Reason::dns_servfail: return 5;
    case Reason::dns_refused: return 4;
    case Reason::dns_malformed: return 3;
    case Reason::dns_timeout: return 2;
    case Reason::dns_network: return 1;
    default: return 0;
    }
}

constexpr unsigned max_breaks = 2; // lost contacts, then the server is not asked for this question any more

} // namespace

Exchange::Exchange(std::string name, Type type, bool worth_matters, std::vector<Candidate> candidates,
                   ExchangeOptions options, base::Steady deadline, RandomId random_id)
    : name_(std::move(name)), type_(type), worth_matters_(worth_matters), options_(options),
      deadline_(deadline), random_id_(std::move(random_id)) {
    for (const Candidate& c : candidates) {
        Peer peer;
        peer.candidate = c;
        peer.low = c.low;
        peer.tcp = options.tcp_only;
        peers_.push_back(peer);
    }
}

Actions Exchange::start(base::Steady now) {
    Actions actions;
    round_started_ = now;
    ask_next(now, actions);
    return rest(std::move(actions));
}

Actions Exchange::message(std::size_t number, std::span<const std::uint8_t> bytes, base::Steady now) {
    if (now >= deadline_) return time_passed(now);
    Actions actions;
    if (done_ || !attempts_.at(number).open) return rest(std::move(actions));
    Attempt& attempt = attempts_[number];
    Question question;
    question.id = attempt.id;
    question.name = name_;
    question.type = type_;
    const bool tcp = attempt.transport == Transport::tcp;
    auto reply = decode(bytes, question, tcp);
    if (reply) {
        take(number, std::move(*reply), now, actions);
        return rest(std::move(actions));
    }
    const bool strange = reply.error() == WireErrc::not_ours;
    attempt.garbled = attempt.garbled || !strange;
    if (tcp || ++attempt.ignored >= options_.max_ignored)
        broken(number, Reason::dns_malformed, true, now, actions);
    else if (!strange && reply.error() != WireErrc::unreadable)
        nonsense(number, now, actions);
    return rest(std::move(actions));
}

Actions Exchange::failed(std::size_t number, IoError error, base::Steady now) {
    if (now >= deadline_) return time_passed(now);
    Actions actions;
    if (!done_ && attempts_.at(number).open) {
        exhausted_ = exhausted_ || error == IoError::exhausted;
        broken(number, Reason::dns_network, error == IoError::unreachable, now, actions);
    }
    return rest(std::move(actions));
}

Actions Exchange::time_passed(base::Steady now) {
    Actions actions;
    const bool over = now >= deadline_;
    if (done_ || (now < until_ && !over)) return rest(std::move(actions));
    std::optional<std::size_t> beside;
    if (current_) {
        Attempt& attempt = attempts_[*current_];
        Peer& peer = peers_[attempt.peer];
        ++peer.timeouts;
        give_up_on(attempt, attempt.garbled ? Reason::dns_malformed : Reason::dns_timeout, actions);
        actions.notes.back().servers_fault = now - attempt.started >= options_.try_for;
        if (attempt.form.edns) peer.high_failed = true;
        if (attempt.garbled && !attempt.form.edns) peer.tcp = true;
        if (!peer.settled) peer.low = attempt.form.edns;
        if (attempt.form.edns && !peer.candidate.proven && peer.timeouts == 1) beside = attempt.peer;
    }
    current_.reset();
    if (over) {
        finish(base::unexpected(failure(Reason::dns_timeout)), actions);
        return rest(std::move(actions));
    }
    ask_next(now, actions);
    if (beside && !done_ && current_ && attempts_[*current_].peer != *beside && may_ask(peers_[*beside])) {
        ++peers_[*beside].tries;
        ask(*beside, now, actions, Turn::beside);
        peers_[*beside].low = peers_[*beside].settled;
    }
    return rest(std::move(actions));
}

/// Acts on a well-formed reply to the try.
void Exchange::take(std::size_t number, Decoded reply, base::Steady now, Actions& actions) {
    Attempt& attempt = attempts_[number];
    Peer& peer = peers_[attempt.peer];
    attempt.open = false;
    attempt.rcode = reply.rcode;
    if (reply.truncated) {
        actions.notes.push_back(note(attempt, Note::What::truncated, Reason::none));
        // After a second such reply (to an earlier try at the same server) the repetition is already on its
        // way.
        if (!std::exchange(peer.tcp, true))
            ask(attempt.peer, now, actions);
        else if (is_current(number))
            ask_next(now, actions);
        return;
    }
    if ((reply.rcode == rcode::noerror || reply.rcode == rcode::nxdomain) && !reply.referral) {
        actions.notes.push_back(note(attempt, Note::What::replied, Reason::none));
        actions.notes.back().answer = true;
        actions.notes.back().ad = reply.ad;
        answered_by_ = peer.candidate.server;
        if (peer.candidate.believed && reply.ad)
            reply.answer.worth = Worth::secure;
        else if (peer.candidate.believed && attempt.form.dnssec_ok)
            reply.answer.worth = Worth::insecure;
        finish(std::move(reply.answer), actions);
        return;
    }
    const bool cannot =
        reply.rcode == rcode::formerr || reply.rcode == rcode::notimp || reply.rcode == rcode::badvers;
    const Reason reason = reply.rcode == rcode::refused || cannot || reply.referral ? Reason::dns_refused
                                                                                    : Reason::dns_servfail;
    if (attempt.form.edns) {
        peer.low = peer.settled = true;
        peer.high_failed = true;
    }
    if (!reply.referral && !peer.spent && !std::exchange(peer.erred, true)) {
        actions.notes.push_back(note(attempt, Note::What::stepped, reason));
        attempt.outcome = reason;
        if (weight(reason) > weight(worst_)) worst_ = reason;
        ask(attempt.peer, now, actions);
        return;
    }
    actions.notes.push_back(note(attempt, Note::What::replied, Reason::none));
    peer.spent = true;
    refused_or_servfail_ = true;
    give_up_on(attempt, reason, actions);
    if (is_current(number)) ask_next(now, actions);
}

/// A datagram that answers the try but cannot be read: it is useless to wait for another one.
void Exchange::nonsense(std::size_t number, base::Steady now, Actions& actions) {
    Attempt& attempt = attempts_[number];
    Peer& peer = peers_[attempt.peer];
    if (std::exchange(attempt.stepped, true) || peer.tcp || peer.spent) return;
    if (attempt.form.edns) {
        peer.high_failed = true;
        if (std::exchange(peer.settled, true)) return; // the repetition is on its way
        peer.low = true;
    } else {
        peer.settled = peer.tcp = true;
    }
    actions.notes.push_back(note(attempt, Note::What::stepped, Reason::dns_malformed));
    attempt.outcome = Reason::dns_malformed;
    if (weight(Reason::dns_malformed) > weight(worst_)) worst_ = Reason::dns_malformed;
    ask(attempt.peer, now, actions);
}

/// The try is lost with its socket.
void Exchange::broken(std::size_t number, Reason reason, bool servers_fault, base::Steady now,
                      Actions& actions) {
    Attempt& attempt = attempts_[number];
    attempt.open = false;
    Peer& peer = peers_[attempt.peer];
    if (++peer.breaks >= max_breaks) peer.spent = true;
    give_up_on(attempt, reason, actions);
    actions.notes.back().servers_fault = servers_fault;
    if (is_current(number)) ask_next(now, actions);
}

Note Exchange::note(const Attempt& attempt, Note::What what, Reason reason) const {
    Note note;
    note.what = what;
    note.server = peers_[attempt.peer].candidate.server;
    note.transport = attempt.transport;
    note.form = attempt.form;
    note.reason = reason;
    note.started = attempt.started;
    note.high_failed = peers_[attempt.peer].high_failed;
    return note;
}

void Exchange::give_up_on(Attempt& attempt, Reason reason, Actions& actions) {
    attempt.outcome = reason;
    actions.notes.push_back(note(attempt, Note::What::failed, reason));
    if (weight(reason) > weight(worst_)) worst_ = reason;
}

bool Exchange::may_ask(const Peer& peer) const noexcept {
    if (peer.spent || peer.tries >= options_.tries_per_server) return false;
    // When one server has given a reason, it is useless to wait the whole time for a silent one.
    return !(refused_or_servfail_ && peer.timeouts >= 2);
}

void Exchange::ask_next(base::Steady now, Actions& actions) {
    current_.reset();
    for (std::size_t looked = 0; looked < peers_.size(); ++looked) {
        if (next_peer_ == peers_.size()) {
            const auto earliest = round_started_ + options_.round_pause;
            const bool any = std::ranges::any_of(peers_, [this](const Peer& p) { return may_ask(p); });
            if (any && now < earliest) {
                until_ = std::min(earliest, deadline_);
                return;
            }
            next_peer_ = 0;
            round_started_ = now;
        }
        const std::size_t peer = next_peer_++;
        if (!may_ask(peers_[peer])) continue;
        ++peers_[peer].tries;
        ask(peer, now, actions);
        return;
    }
    finish(base::unexpected(failure(Reason::dns_network)), actions);
}

/// Why the question failed. What a server said counts. But if nothing came, and we lacked memory or
/// descriptors, then that is the reason.
Reason Exchange::failure(Reason without) const noexcept {
    if (exhausted_ && weight(worst_) <= weight(Reason::dns_network)) return Reason::overloaded;
    return worst_ == Reason::none ? without : worst_;
}

QueryForm Exchange::form(const Peer& peer) const noexcept {
    QueryForm form;
    form.edns = !peer.low;
    form.ad = worth_matters_ && peer.candidate.believed; // otherwise AD does not matter
    form.dnssec_ok = form.ad && form.edns;
    return form;
}

void Exchange::ask(std::size_t number, base::Steady now, Actions& actions, Turn turn) {
    const Peer& peer = peers_[number];
    Attempt attempt;
    attempt.peer = number;
    attempt.transport = peer.tcp ? Transport::tcp : Transport::udp;
    attempt.id = random_id_();
    attempt.form = form(peer);
    attempt.started = now;
    Question question;
    question.id = attempt.id;
    question.name = name_;
    question.type = type_;
    auto query = encode_query(question, attempt.form);
    if (!query) {
        finish(base::unexpected(query.error()), actions);
        return;
    }
    Send send;
    send.attempt = attempts_.size();
    send.server = peer.candidate.server;
    send.transport = attempt.transport;
    send.message = std::move(*query);
    actions.sends.push_back(std::move(send));
    if (turn == Turn::current) {
        current_ = attempts_.size();
        until_ = std::min<base::Steady>(now + options_.try_for, deadline_);
    }
    attempts_.push_back(attempt);
}

void Exchange::finish(Result result, Actions& actions) {
    done_ = true;
    current_.reset();
    actions.sends.clear();
    actions.done = std::move(result);
}

Actions Exchange::rest(Actions actions) const {
    actions.wake = until_;
    return actions;
}

std::string Exchange::tried(const std::function<std::string(std::size_t)>& name_of) const {
    std::string out;
    std::optional<std::size_t> last;
    for (const Attempt& attempt : attempts_) {
        std::string part;
        if (last != attempt.peer) part = name_of(peers_[attempt.peer].candidate.server) + " ";
        last = attempt.peer;
        part += attempt.transport == Transport::tcp ? "tcp" : "udp";
        if (attempt.form.edns) part += attempt.form.dnssec_ok ? "+dnssec" : "+edns";
        part += ' ';
        part += attempt.outcome == Reason::none ? "no reply" : base::to_string(attempt.outcome);
        if (attempt.rcode != 0) part += " (rcode " + std::to_string(attempt.rcode) + ")";
        if (out.size() + 2 + part.size() > max_tried) break;
        out.append(out.empty() ? "" : ", ").append(part);
    }
    return out;
}

} // namespace dns
