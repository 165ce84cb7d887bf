#include "dns/exchange.hpp"

#include "dns/wire.hpp"

#include <algorithm>

namespace dns {
namespace {

using base::Reason;

/// How much a failure tells: a server that looked and found trouble, over one that did not look, over
/// silence.
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

constexpr unsigned max_breaks = 2; // lost contacts with a server before it is left alone for this question

} // namespace

Exchange::Exchange(std::string name, Type type, std::vector<Candidate> candidates, ExchangeOptions options,
                   base::Steady deadline, RandomId random_id)
    : name_(std::move(name)), type_(type), options_(options), deadline_(deadline),
      random_id_(std::move(random_id)) {
    for (const Candidate& c : candidates) {
        Peer peer;
        peer.candidate = c;
        peer.tcp = options.tcp_only;
        peers_.push_back(peer);
    }
}

Step Exchange::start(base::Steady now) {
    Step step;
    round_started_ = now;
    ask_next(now, step);
    return rest(std::move(step));
}

Step Exchange::message(std::size_t number, std::span<const std::uint8_t> bytes, base::Steady now) {
    if (now >= deadline_) return time_passed(now);
    Step step;
    if (done_ || !attempts_.at(number).open) return rest(std::move(step));
    Attempt& attempt = attempts_[number];
    Question question;
    question.id = attempt.id;
    question.name = name_;
    question.type = type_;
    auto reply = decode(bytes, question);
    if (reply && !(reply->truncated && attempt.transport == Transport::tcp)) {
        take(number, std::move(*reply), now, step);
        return rest(std::move(step));
    }
    attempt.garbled = attempt.garbled || reply || reply.error() != WireErrc::not_ours;
    if (attempt.transport == Transport::tcp || ++attempt.ignored >= options_.max_ignored)
        broken(number, Reason::dns_malformed, true, now, step);
    return rest(std::move(step));
}

Step Exchange::failed(std::size_t number, IoError error, base::Steady now) {
    if (now >= deadline_) return time_passed(now);
    Step step;
    if (!done_ && attempts_.at(number).open) {
        exhausted_ = exhausted_ || error == IoError::exhausted;
        broken(number, Reason::dns_network, error == IoError::unreachable, now, step);
    }
    return rest(std::move(step));
}

Step Exchange::time_passed(base::Steady now) {
    Step step;
    const bool over = now >= deadline_;
    if (done_ || (now < until_ && !over)) return rest(std::move(step));
    if (current_) {
        Attempt& attempt = attempts_[*current_];
        ++peers_[attempt.peer].timeouts;
        give_up_on(attempt, attempt.garbled ? Reason::dns_malformed : Reason::dns_timeout, step);
        step.notes.back().servers_fault = now - attempt.started >= options_.try_for;
    }
    current_.reset();
    if (over)
        finish(base::unexpected(failure(Reason::dns_timeout)), step);
    else
        ask_next(now, step);
    return rest(std::move(step));
}

/// Acts on a well-formed reply to the try.
void Exchange::take(std::size_t number, Decoded reply, base::Steady now, Step& step) {
    Attempt& attempt = attempts_[number];
    Peer& peer = peers_[attempt.peer];
    attempt.open = false;
    Note note;
    note.server = peer.candidate.server;
    note.transport = attempt.transport;
    note.started = attempt.started;
    const bool bad_edns =
        reply.rcode == rcode::formerr || reply.rcode == rcode::notimp || reply.rcode == rcode::badvers;

    if (reply.truncated || (bad_edns && attempt.edns)) {
        note.what = reply.truncated ? Note::What::truncated : Note::What::no_edns;
        step.notes.push_back(note);
        // A second such reply (of an earlier try to the same server) finds the repetition on its way.
        bool& before = reply.truncated ? peer.tcp : peer.edns;
        const bool wanted = reply.truncated;
        const bool repeat = before != wanted;
        before = wanted;
        if (repeat)
            ask(attempt.peer, now, step);
        else if (is_current(number))
            ask_next(now, step);
        return;
    }
    if ((reply.rcode == rcode::noerror || reply.rcode == rcode::nxdomain) && !reply.referral) {
        note.what = Note::What::replied;
        step.notes.push_back(note);
        if (peer.candidate.trust_ad) reply.answer.worth = reply.ad ? Worth::secure : Worth::insecure;
        finish(std::move(reply.answer), step);
        return;
    }
    const bool refused = reply.rcode == rcode::refused || bad_edns || reply.referral;
    note.what = Note::What::replied;
    step.notes.push_back(note);
    peer.spent = true;
    refused_or_servfail_ = true;
    give_up_on(attempt, refused ? Reason::dns_refused : Reason::dns_servfail, step);
    if (is_current(number)) ask_next(now, step);
}

/// The try is lost with its socket.
void Exchange::broken(std::size_t number, Reason reason, bool servers_fault, base::Steady now, Step& step) {
    Attempt& attempt = attempts_[number];
    attempt.open = false;
    Peer& peer = peers_[attempt.peer];
    if (++peer.breaks >= max_breaks) peer.spent = true;
    give_up_on(attempt, reason, step);
    step.notes.back().servers_fault = servers_fault;
    if (is_current(number)) ask_next(now, step);
}

void Exchange::give_up_on(const Attempt& attempt, Reason reason, Step& step) {
    Note note;
    note.what = Note::What::failed;
    note.server = peers_[attempt.peer].candidate.server;
    note.transport = attempt.transport;
    note.reason = reason;
    note.started = attempt.started;
    step.notes.push_back(note);
    if (weight(reason) > weight(worst_)) worst_ = reason;
}

bool Exchange::may_ask(const Peer& peer) const noexcept {
    if (peer.spent || peer.tries >= options_.tries_per_server) return false;
    // Once somebody has given a reason there is no point in waiting the whole time for a silent server.
    return !(refused_or_servfail_ && peer.timeouts >= 2);
}

void Exchange::ask_next(base::Steady now, Step& step) {
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
        ask(peer, now, step);
        return;
    }
    finish(base::unexpected(failure(Reason::dns_network)), step);
}

/// What the question failed of. What a server said counts, but when no more is known than that nothing came,
/// and something of ours was missing, then that is the reason.
Reason Exchange::failure(Reason without) const noexcept {
    if (exhausted_ && weight(worst_) <= weight(Reason::dns_network)) return Reason::overloaded;
    return worst_ == Reason::none ? without : worst_;
}

void Exchange::ask(std::size_t number, base::Steady now, Step& step) {
    const Peer& peer = peers_[number];
    Attempt attempt;
    attempt.peer = number;
    attempt.transport = peer.tcp ? Transport::tcp : Transport::udp;
    attempt.id = random_id_();
    attempt.edns = peer.edns;
    attempt.started = now;
    Question question;
    question.id = attempt.id;
    question.name = name_;
    question.type = type_;
    QueryForm form;
    form.edns = peer.edns;
    form.dnssec_ok = type_ != Type::txt; // nobody asks whether a TXT record is authentic
    auto query = encode_query(question, form);
    if (!query) {
        finish(base::unexpected(query.error()), step);
        return;
    }
    Send send;
    send.attempt = attempts_.size();
    send.server = peer.candidate.server;
    send.transport = attempt.transport;
    send.message = std::move(*query);
    step.send = std::move(send);
    current_ = attempts_.size();
    attempts_.push_back(attempt);
    until_ = std::min<base::Steady>(now + options_.try_for, deadline_);
}

void Exchange::finish(Result result, Step& step) {
    done_ = true;
    current_.reset();
    step.send.reset();
    step.done = std::move(result);
}

Step Exchange::rest(Step step) const {
    step.wake = until_;
    return step;
}

} // namespace dns
